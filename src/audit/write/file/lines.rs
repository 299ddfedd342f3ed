//! Reads lines in the middle of a log: one line by its number, and the sizes of all lines by their class.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::super::sink::LineClass;
use super::access::open_existing;
use super::names::{Form, Rotated};
use super::room::Shares;
use super::tail::LONGEST_LINE;

/// Finds a line by its number, with a binary search in a file whose numbers ascend. The result has no line feed.
pub(super) fn line_of_file(file: &File, length: u64, wanted: u64) -> io::Result<Option<Vec<u8>>> {
    // A line begins at `low`. The wanted line, if the file has it, begins before `high`.
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some((start, line)) = next_line(file, low, middle, length)?.filter(|(start, _)| *start < high) else {
            high = middle;
            continue;
        };
        match number_of(&line).map_or(Ordering::Less, |number| number.cmp(&wanted)) {
            Ordering::Equal => return Ok(Some(line)),
            Ordering::Less => low = start + line.len() as u64 + 1,
            Ordering::Greater => high = middle,
        }
    }
    Ok(None)
}

/// The first line that begins at or after `from`, and its offset. A line must begin at `low`.
fn next_line(mut file: &File, low: u64, from: u64, length: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut start = low;
    let at = if from > low { from - 1 } else { low };
    file.seek(SeekFrom::Start(at))?;
    let mut reader = BufReader::new(file.take(length - at));
    if from > low {
        let mut skipped = Vec::new();
        start = at + reader.read_until(b'\n', &mut skipped)? as u64;
    }
    let mut line = Vec::new();
    let read = reader.read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok((read > 0).then_some((start, line)))
}

/// As [`line_of_file`], in a rotated file.
pub(super) fn line_of_rotated(rotated: &Rotated, wanted: u64) -> io::Result<Option<Vec<u8>>> {
    let file = open_existing(OpenOptions::new().read(true), &rotated.path)?;
    if rotated.form == Form::Plain {
        let length = file.metadata()?.len();
        return line_of_file(&file, length, wanted);
    }
    let mut reader = BufReader::new(MultiGzDecoder::new(BufReader::new(file)));
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if number_of(&line) == Some(wanted) {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            return Ok(Some(line));
        }
    }
}

fn number_of(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"seq\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    event: Event<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    additional_event_data: Additional<'a>,
}

#[derive(Deserialize)]
struct Additional<'a> {
    #[serde(borrow)]
    gateway: Gateway<'a>,
}

#[derive(Deserialize)]
struct Gateway<'a> {
    #[serde(borrow)]
    stage: Cow<'a, str>,
    #[serde(borrow)]
    verdict: Cow<'a, str>,
}

/// How many bytes of a file of this length are evidence of permits, for a log that an earlier run left.
pub(super) fn shares_of(mut file: &File, length: u64) -> io::Result<Shares> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 18, file.take(length));
    let (mut shares, mut line) = (Shares::default(), Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            return Ok(shares);
        }
        shares.add(class_of(&line), read);
    }
}

fn class_of(line: &[u8]) -> LineClass {
    let Ok(Line { event }) = serde_json::from_slice(line) else { return LineClass::Notice };
    let gateway = event.additional_event_data.gateway;
    match (&*gateway.stage, &*gateway.verdict) {
        ("Outcome", _) => LineClass::Outcome,
        ("Decision", "Allow") => LineClass::Permit,
        ("Decision", _) => LineClass::Refusal,
        _ => LineClass::Notice,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::super::chain::Chain;
    use super::*;

    fn written(events: &[String]) -> (File, u64, Vec<Vec<u8>>) {
        let (mut chain, mut text) = (Chain::new(), Vec::new());
        events.iter().for_each(|event| chain.append(event, &mut text));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&text).unwrap();
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        (file, text.len() as u64, lines)
    }

    #[test]
    fn a_line_is_found_by_its_number() {
        let events: Vec<String> = (0..50).map(|number| format!("\"{}\"", "x".repeat(number * 7 % 300))).collect();
        let (file, length, lines) = written(&events);
        for number in 1..=50 {
            let found = line_of_file(&file, length, number).unwrap();
            assert_eq!(found.as_ref(), Some(&lines[usize::try_from(number).unwrap() - 1]), "{number}");
        }
        assert_eq!(line_of_file(&file, length, 0).unwrap(), None);
        assert_eq!(line_of_file(&file, length, 51).unwrap(), None);
    }

    #[test]
    fn lines_are_classified_by_their_stage_and_never_by_a_callers_text() {
        let event = |stage: &str, verdict: &str| {
            format!(
                "{{\"requestParameters\":{{\"stage\":\"Outcome\",\"verdict\":\"Allow\"}},\"additionalEventData\":{{\
                 \"gateway\":{{\"stage\":\"{stage}\",\"verdict\":\"{verdict}\"}}}}}}"
            )
        };
        let events = [
            event("Decision", "Allow"),
            event("Outcome", "Allow"),
            event("Decision", "ImplicitDeny"),
            event("Decision", "Refused"),
            event("Summary", "Error"),
            "{}".to_owned(),
        ];
        let (file, length, lines) = written(&events);
        let bytes = |lines: &[Vec<u8>]| lines.iter().map(|line| line.len() as u64 + 1).sum();
        let expected = Shares { permits: bytes(&lines[..2]), others: bytes(&lines[2..6]) };
        assert_eq!(shares_of(&file, length).unwrap(), expected);
    }
}
