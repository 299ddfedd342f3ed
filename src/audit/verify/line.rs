//! Reads the fields of a line that the chain needs, without parsing all of it.

use serde::Deserialize;

use crate::text::unhex;

use super::super::read::RawLine;

pub(super) type Digest = [u8; 32];

/// The fields of a line that the chain needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link<'a> {
    pub(super) seq: u64,
    pub(super) prev: Digest,
    /// Empty if the line does not name a chain.
    pub(super) chain: &'a str,
    pub(super) replica: &'a str,
}

/// Reads a line; `chain` and `replica` must be texts without escapes, as this program writes them.
pub(super) fn link<'a>(line: &RawLine<'a>) -> Result<Link<'a>, String> {
    match as_written(line.bytes) {
        Some(link) => Ok(link),
        None => parsed(line.bytes),
    }
}

/// Reads the form in which this program writes lines: the number and the digest first, the names last. A caller's text
/// cannot pass for them, because its quotation marks are escaped.
fn as_written(line: &[u8]) -> Option<Link<'_>> {
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let seq = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let (prev, rest) = rest[digits..].strip_prefix(b",\"prev\":\"")?.split_at_checked(64)?;
    let rest = rest.strip_prefix(b"\",\"event\":{")?.strip_suffix(b"\"}}}}")?;
    let (rest, replica) = last_text(rest)?;
    let rest = rest.strip_suffix(b"\"replica\":\"")?.strip_suffix(b"\",")?;
    let (rest, chain) = last_text(rest)?;
    rest.strip_suffix(b",\"chain\":\"")?;
    Some(Link { seq, prev: from_hex(prev)?, chain, replica })
}

/// Splits off the JSON string that ends here; `None` if it has escapes or is long.
fn last_text(bytes: &[u8]) -> Option<(&[u8], &str)> {
    const LONGEST: usize = 256;
    let from = bytes.len().saturating_sub(LONGEST);
    let start = from + memchr::memrchr(b'"', &bytes[from..])? + 1;
    let text = std::str::from_utf8(&bytes[start..]).ok()?;
    (!text.contains('\\')).then_some((&bytes[..start], text))
}

#[derive(Deserialize)]
struct Parsed<'a> {
    seq: u64,
    #[serde(borrow)]
    prev: &'a str,
    #[serde(borrow)]
    event: ParsedEvent<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParsedEvent<'a> {
    #[serde(borrow, default)]
    additional_event_data: ParsedAdditional<'a>,
}

#[derive(Default, Deserialize)]
struct ParsedAdditional<'a> {
    #[serde(borrow, default)]
    gateway: ParsedGateway<'a>,
}

#[derive(Default, Deserialize)]
struct ParsedGateway<'a> {
    #[serde(default)]
    chain: &'a str,
    #[serde(default)]
    replica: &'a str,
}

fn parsed(line: &[u8]) -> Result<Link<'_>, String> {
    if line.starts_with(b"{\"checkpoint\":") {
        return Err("there is a checkpoint among the lines: give its file with `--checkpoints`".to_owned());
    }
    let parsed: Parsed<'_> =
        serde_json::from_slice(line).map_err(|error| format!("it is not a line of an audit log: {error}"))?;
    let prev = from_hex(parsed.prev.as_bytes()).ok_or("its `prev` is not a SHA-256 digest in hexadecimal")?;
    let gateway = parsed.event.additional_event_data.gateway;
    Ok(Link { seq: parsed.seq, prev, chain: gateway.chain, replica: gateway.replica })
}

/// Parses a digest. Only lower case is accepted, so that a digest has one written form.
pub(super) fn from_hex(text: &[u8]) -> Option<Digest> {
    let mut digest = [0; 32];
    unhex(text, &mut digest).map(|()| digest)
}

pub(super) fn digest_of(line: &[u8]) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, line).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::super::super::read::LineForm;
    use super::*;

    #[test]
    fn the_fast_reading_and_the_full_one_agree() {
        let zeros = "0".repeat(64);
        let line = |gateway: &str| {
            format!(
                "{{\"seq\":12,\"prev\":\"{zeros}\",\"event\":{{\"additionalEventData\":{{\"gateway\":{gateway}}}}}}}"
            )
        };
        let ours = line("{\"reason\":\"a \\\",\\\"chain\\\":\\\"x\",\"chain\":\"c-1\",\"replica\":\"r\"}");
        let quick = as_written(ours.as_bytes()).unwrap();
        assert_eq!((quick.seq, quick.chain, quick.replica), (12, "c-1", "r"));
        assert_eq!(parsed(ours.as_bytes()).unwrap(), quick);
        let others = ["{}", "{\"replica\":\"r\",\"chain\":\"c\"}", "{\"chain\":\"c\",\"replica\":\"r\",\"later\":1}"];
        for gateway in others {
            assert_eq!(as_written(line(gateway).as_bytes()), None, "{gateway}");
            assert_eq!(parsed(line(gateway).as_bytes()).unwrap().seq, 12);
        }
        for (bad, why) in [
            ("hello", "it is not a line of an audit log: "),
            ("", "it is not a line of an audit log: "),
            ("{\"checkpoint\":{}}", "there is a checkpoint among the lines"),
            ("{\"seq\":1,\"seq\":2,\"prev\":\"\",\"event\":{}}", "it is not a line of an audit log: duplicate field"),
            ("{\"seq\":1,\"prev\":\"AB\",\"event\":{}}", "its `prev` is not a SHA-256 digest"),
        ] {
            let line = RawLine { number: 1, bytes: bad.as_bytes(), form: LineForm::Whole };
            assert!(link(&line).unwrap_err().starts_with(why), "{bad}");
        }
    }
}
