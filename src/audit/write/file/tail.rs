//! Reads the end of a log's file: the end of the chain, and a last line that a crash left torn.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::super::chain::{Chain, Link};
use super::access::private_file;

/// The longest line of a log. The start of the last line is searched for only this far back.
pub(super) const LONGEST_LINE: u64 = 1 << 20;

/// The end of a file whose last complete line, if there is one, is a line of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// `None` if there is no complete line.
    pub(super) end: Option<ChainEnd>,
    /// The length of the file without a torn line at its end.
    pub(super) complete: u64,
}

/// The end of a chain, from its last complete line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChainEnd {
    pub(super) chain: Chain,
    /// The name of the chain.
    pub(super) name: Option<String>,
    /// The time of the last event.
    pub(super) time: Option<Timestamp>,
}

/// Reads the end of a file of this length. `None` if it is not the end of a log.
pub(super) fn read_tail(file: &File, length: u64) -> io::Result<Option<Tail>> {
    if length == 0 {
        // An empty file may be a device or a pipe, which does not support seeking.
        return Ok(Some(Tail { end: None, complete: 0 }));
    }
    let (bytes, start) = read_end(file, length)?;
    Ok(tail_of(&bytes, start))
}

/// The last bytes of a file, which hold the last line, and their offset.
pub(super) fn read_end(mut file: &File, length: u64) -> io::Result<(Vec<u8>, u64)> {
    let start = length.saturating_sub(2 * LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length - start).read_to_end(&mut bytes)?;
    Ok((bytes, start))
}

pub(super) fn tail_of(bytes: &[u8], start: u64) -> Option<Tail> {
    let Some(feed) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        // The very first line may be torn. Any other file is not a log, and must not be changed.
        let ours = start == 0 && (bytes.starts_with(FIRST) || FIRST.starts_with(bytes));
        return ours.then_some(Tail { end: None, complete: 0 });
    };
    Some(Tail { end: Some(chain_end(last_line(&bytes[..feed], start)?)?), complete: start + feed as u64 + 1 })
}

/// The start of every line.
const FIRST: &[u8] = b"{\"seq\":";

/// The last line of a text that ends before its line feed.
fn last_line(bytes: &[u8], start: u64) -> Option<&[u8]> {
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(feed) => Some(&bytes[feed + 1..]),
        None if start == 0 => Some(bytes),
        None => None,
    }
}

fn chain_end(line: &[u8]) -> Option<ChainEnd> {
    let (link, event) = read_line(line)?;
    let name = event.pointer("/additionalEventData/gateway/chain").and_then(|name| name.as_str());
    Some(ChainEnd { chain: Chain::after(&link, line), name: name.map(str::to_owned), time: time_of(&event) })
}

#[derive(Deserialize)]
struct Line {
    seq: u64,
    prev: String,
    #[serde(default)]
    event: Value,
}

/// The chain's part of a line, and its event.
fn read_line(line: &[u8]) -> Option<(Link, Value)> {
    let Line { seq, prev, event } = serde_json::from_slice(line).ok()?;
    Some((Link { seq, prev }, event))
}

/// The length of all complete lines, valid or not, in a file of this length.
pub(super) fn whole_lines(file: &File, length: u64) -> io::Result<u64> {
    let (bytes, start) = read_end(file, length)?;
    Ok(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| start + feed as u64 + 1))
}

/// Moves the bytes of a file from an offset on into a new file, and syncs both.
pub(super) fn set_aside(mut file: &File, from: u64, aside: &Path) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut kept = private_file().write(true).create_new(true).open(aside)?;
    io::copy(&mut file, &mut kept)?;
    kept.flush()?;
    kept.sync_all()?;
    file.set_len(from)?;
    file.sync_all()
}

/// The first line of a file.
#[derive(Debug)]
pub(super) struct First {
    pub(super) seq: u64,
    /// The digest of the line before, as this line names it.
    pub(super) prev: String,
    /// The time of its event.
    pub(super) time: Option<Timestamp>,
}

/// Reads the first line of a file. `None` if it is not a line of a log.
pub(super) fn read_first(mut file: &File) -> io::Result<Option<First>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut bytes)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some((link, event)) = read_line(line) else { return Ok(None) };
    Ok(Some(First { seq: link.seq, prev: link.prev, time: time_of(&event) }))
}

fn time_of(event: &Value) -> Option<Timestamp> {
    event.pointer("/eventTime").and_then(|time| time.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_distinguished_from_other_content() {
        let mut log = Vec::new();
        let mut chain = Chain::new();
        (0..2).for_each(|_| chain.append("{}", &mut log));
        let whole = log.len() as u64;
        let end = || Some(ChainEnd { chain, name: None, time: None });
        assert_eq!(tail_of(&log, 0), Some(Tail { end: end(), complete: whole }));
        log.extend_from_slice(b"{\"seq\":3,\"pr");
        assert_eq!(tail_of(&log, 0), Some(Tail { end: end(), complete: whole }));
        for torn in ["{", "{\"seq\":1,\"prev\":\"0"] {
            assert_eq!(tail_of(torn.as_bytes(), 0), Some(Tail { end: None, complete: 0 }), "{torn}");
        }
        for other in ["hello", "hello\n", "hello\n{\"seq\":1", "{\"seq\":1,\"prev\":\"0\n", "\n"] {
            assert_eq!(tail_of(other.as_bytes(), 0), None, "{other}");
        }
    }
}
