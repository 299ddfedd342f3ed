//! The header that a TCP proxy sends at the start of a connection: the PROXY protocol, version 1 (text) and 2 (binary).
//!
//! Parsed strictly by its specification. If a header is required, anything else is an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The accepted versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersions {
    /// Version 1 only: a line of text.
    V1,
    /// Version 2 only: binary.
    V2,
    /// Either version.
    Any,
}

/// How far a header has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProgress {
    /// At least this many more bytes belong to the header.
    More(usize),
    /// The header is complete. It has no address if the proxy connects for itself, or does not know the caller's
    /// address.
    Done(Option<IpAddr>),
}

/// Why a connection does not begin with a valid header. Each message continues a sentence about the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The first bytes are not those of either version.
    #[error("the connection does not begin with one")]
    Absent,
    /// The header has the version that [`ProxyVersions`] excludes.
    #[error("it has a version that is not accepted here")]
    Version,
    /// The line of version 1 is longer than the protocol allows, does not end in CR LF, or is not UTF-8.
    #[error("its line is longer than {LONGEST_LINE} bytes, or does not end in CR LF")]
    Line,
    /// A field of version 1 is missing, malformed, of the wrong address family, or one too many.
    #[error("its line is not `PROXY TCP4` or `PROXY TCP6`, two addresses of that kind and two ports")]
    Fields,
    /// The bytes of version 2 that state version, command, family and transport are not those of TCP over IPv4 or IPv6.
    #[error("its command, family or transport is not one that a TCP caller can have")]
    Kind,
    /// The length in version 2 is too small for the addresses, or larger than the gateway accepts.
    #[error("its length does not match its addresses, or exceeds {MOST_BYTES} bytes")]
    Length,
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const WORD: &[u8] = b"PROXY ";
/// The protocol's limit for version 1.
const LONGEST_LINE: usize = 107;
/// The limit for addresses and the extensions that a proxy may add.
const MOST_BYTES: usize = 4096;
const FIXED: usize = 16;

/// Examines what has been read of a header so far.
///
/// # Errors
/// Bytes that cannot begin a header of an accepted version.
pub fn read_proxy_header(bytes: &[u8], versions: ProxyVersions) -> Result<ProxyProgress, ProxyError> {
    // The shortest header of either version is longer than this.
    let Some((start, _)) = bytes.split_at_checked(SIGNATURE.len()) else {
        return Ok(ProxyProgress::More(SIGNATURE.len() - bytes.len()));
    };
    if start == SIGNATURE {
        return if versions == ProxyVersions::V1 { Err(ProxyError::Version) } else { binary(bytes) };
    }
    if !start.starts_with(WORD) {
        return Err(ProxyError::Absent);
    }
    if versions == ProxyVersions::V2 { Err(ProxyError::Version) } else { line(bytes) }
}

fn line(bytes: &[u8]) -> Result<ProxyProgress, ProxyError> {
    if !bytes.ends_with(b"\n") {
        return if bytes.len() < LONGEST_LINE { Ok(ProxyProgress::More(1)) } else { Err(ProxyError::Line) };
    }
    let text = bytes.strip_suffix(b"\r\n").and_then(|line| str::from_utf8(line).ok()).ok_or(ProxyError::Line)?;
    let fields: Vec<&str> = text.split(' ').collect();
    match fields[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(ProxyProgress::Done(None)),
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, from, to] => {
            let of_family = |text: &str| {
                let address = text.parse::<IpAddr>().ok();
                address.filter(|address| address.is_ipv4() == (family == "TCP4"))
            };
            let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port.to_string() == text);
            match (of_family(source), of_family(destination)) {
                (Some(source), Some(_)) if port(from) && port(to) => {
                    Ok(ProxyProgress::Done(Some(source.to_canonical())))
                }
                _ => Err(ProxyError::Fields),
            }
        }
        _ => Err(ProxyError::Fields),
    }
}

fn binary(bytes: &[u8]) -> Result<ProxyProgress, ProxyError> {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else {
        return Ok(ProxyProgress::More(FIXED - bytes.len()));
    };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MOST_BYTES {
        return Err(ProxyError::Length);
    }
    if rest.len() < length {
        return Ok(ProxyProgress::More(length - rest.len()));
    }
    let four = || rest.first_chunk::<4>().filter(|_| length >= 12).map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
    let six = || rest.first_chunk::<16>().filter(|_| length >= 36).map(|octets| IpAddr::V6(Ipv6Addr::from(*octets)));
    let source = match (fixed[12], fixed[13]) {
        // A connection of the proxy itself, such as a health check, or one from an unspecified address.
        (0x20, _) | (0x21, 0x00) => return Ok(ProxyProgress::Done(None)),
        (0x21, 0x11) => four(),
        (0x21, 0x21) => six(),
        _ => return Err(ProxyError::Kind),
    };
    source.map(|source| ProxyProgress::Done(Some(source.to_canonical()))).ok_or(ProxyError::Length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANY: ProxyVersions = ProxyVersions::Any;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    fn four() -> Vec<u8> {
        v2(0x21, 0x11, &[203, 0, 113, 9, 10, 0, 0, 1, 0, 80, 1, 187])
    }

    /// Reads exactly as many bytes as are requested, like the listener.
    fn feed(bytes: &[u8], versions: ProxyVersions) -> Result<(Option<IpAddr>, usize), Option<ProxyError>> {
        let mut read = 0;
        loop {
            match read_proxy_header(&bytes[..read], versions).map_err(Some)? {
                ProxyProgress::Done(source) => return Ok((source, read)),
                ProxyProgress::More(more) if read + more > bytes.len() => return Err(None),
                ProxyProgress::More(more) => read += more,
            }
        }
    }

    #[test]
    fn a_header_is_read_to_its_end_and_no_further() {
        let mapped = [&[0; 10][..], &[255, 255, 203, 0, 113, 9], &[0; 20]].concat();
        let with_extras = [&four()[16..], &[0x04, 0, 1, 9]].concat();
        let good: [(Vec<u8>, Option<&str>); 9] = [
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n".to_vec(), Some("203.0.113.9")),
            (b"PROXY TCP6 2001:db9::1 2001:db8::2 1 65535\r\n".to_vec(), Some("2001:db9::1")),
            (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n".to_vec(), Some("203.0.113.9")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ff:ff 1 2 3\r\n".to_vec(), None),
            (four(), Some("203.0.113.9")),
            (v2(0x21, 0x11, &with_extras), Some("203.0.113.9")),
            (v2(0x21, 0x21, &mapped), Some("203.0.113.9")),
            (v2(0x20, 0x00, &[]), None),
        ];
        for (header, source) in good {
            let followed = [&header[..], b"POST / HTTP/1.1\r\n"].concat();
            let source = source.map(|source| source.parse().unwrap());
            assert_eq!(feed(&followed, ANY), Ok((source, header.len())), "{header:?}");
            for cut in 0..header.len() {
                assert_eq!(feed(&header[..cut], ANY), Err(None), "cut at {cut}: {header:?}");
            }
        }
    }

    #[test]
    fn anything_but_a_header_is_an_error() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(120));
        let bad: [(Vec<u8>, ProxyError); 15] = [
            (b"POST / HTTP/1.1\r\n".to_vec(), ProxyError::Absent),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00".to_vec(), ProxyError::Absent),
            (b"proxy TCP4 203.0.113.9 10.0.0.1 1 2\r\n".to_vec(), ProxyError::Absent),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 1 2\n".to_vec(), ProxyError::Line),
            (long.into_bytes(), ProxyError::Line),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n".to_vec(), ProxyError::Fields),
            (b"PROXY TCP4 203.0.113.9  10.0.0.1 1 2\r\n".to_vec(), ProxyError::Fields),
            (b"PROXY TCP4 2001:db9::1 10.0.0.1 1 2\r\n".to_vec(), ProxyError::Fields),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 +1 2\r\n".to_vec(), ProxyError::Fields),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 1 65536\r\n".to_vec(), ProxyError::Fields),
            (v2(0x21, 0x31, &[0; 216]), ProxyError::Kind),
            (v2(0x21, 0x12, &[0; 12]), ProxyError::Kind),
            (v2(0x31, 0x11, &[0; 12]), ProxyError::Kind),
            (v2(0x21, 0x11, &[0; 11]), ProxyError::Length),
            (v2(0x21, 0x11, &[0; MOST_BYTES + 1]), ProxyError::Length),
        ];
        for (bytes, error) in bad {
            assert_eq!(feed(&bytes, ANY), Err(Some(error)), "{}", bytes.escape_ascii());
        }
        assert_eq!(feed(&four(), ProxyVersions::V1), Err(Some(ProxyError::Version)));
        assert_eq!(feed(b"PROXY UNKNOWN\r\n", ProxyVersions::V2), Err(Some(ProxyError::Version)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_progress_or_an_error(tail: Vec<u8>, start in 0..3usize) {
            let bytes = [[&b""[..], SIGNATURE, WORD][start], &tail].concat();
            if let Ok(ProxyProgress::More(more)) = read_proxy_header(&bytes, ANY) {
                prop_assert!(more > 0 && more <= MOST_BYTES);
            }
        }
    }
}
