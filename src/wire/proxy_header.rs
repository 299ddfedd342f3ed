//! The header that a TCP proxy sends before anything else: the PROXY protocol, version 1 (text) and 2 (binary).
//!
//! Read as its author specifies it, and nothing is guessed: where one is due, what is no header is a fault.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which versions are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersions {
    V1,
    V2,
    Any,
}

/// How far a header is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProgress {
    /// So many bytes belong to it for certain.
    More(usize),
    /// It is complete. None: the proxy speaks for itself, or knows no address.
    Done(Option<IpAddr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    #[error("the connection does not begin with one")]
    Absent,
    #[error("it has a version that is not taken here")]
    Version,
    #[error("its line is longer than {LONGEST_LINE} bytes, or ends otherwise than in CR LF")]
    Line,
    #[error("its line is not `PROXY TCP4` or `PROXY TCP6`, two addresses of that kind and two ports")]
    Fields,
    #[error("its command, family or transport is none that a TCP caller has")]
    Kind,
    #[error("its length does not fit its addresses, or is more than {MOST_BYTES} bytes")]
    Length,
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const WORD: &[u8] = b"PROXY ";
/// As the protocol sets it.
const LONGEST_LINE: usize = 107;
/// Addresses and whatever a proxy adds to them.
const MOST_BYTES: usize = 4096;
const FIXED: usize = 16;

/// Looks at what was read of a header so far.
///
/// # Errors
/// Bytes that do not begin a header of these versions.
pub fn read_proxy_header(bytes: &[u8], versions: ProxyVersions) -> Result<ProxyProgress, ProxyFault> {
    // The shortest header of either version is longer.
    let Some((start, _)) = bytes.split_at_checked(SIGNATURE.len()) else {
        return Ok(ProxyProgress::More(SIGNATURE.len() - bytes.len()));
    };
    if start == SIGNATURE {
        return if versions == ProxyVersions::V1 { Err(ProxyFault::Version) } else { binary(bytes) };
    }
    if !start.starts_with(WORD) {
        return Err(ProxyFault::Absent);
    }
    if versions == ProxyVersions::V2 { Err(ProxyFault::Version) } else { line(bytes) }
}

fn line(bytes: &[u8]) -> Result<ProxyProgress, ProxyFault> {
    if !bytes.ends_with(b"\n") {
        return if bytes.len() < LONGEST_LINE { Ok(ProxyProgress::More(1)) } else { Err(ProxyFault::Line) };
    }
    let text = bytes.strip_suffix(b"\r\n").and_then(|line| str::from_utf8(line).ok()).ok_or(ProxyFault::Line)?;
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
                _ => Err(ProxyFault::Fields),
            }
        }
        _ => Err(ProxyFault::Fields),
    }
}

fn binary(bytes: &[u8]) -> Result<ProxyProgress, ProxyFault> {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else {
        return Ok(ProxyProgress::More(FIXED - bytes.len()));
    };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MOST_BYTES {
        return Err(ProxyFault::Length);
    }
    if rest.len() < length {
        return Ok(ProxyProgress::More(length - rest.len()));
    }
    let four = || rest.first_chunk::<4>().filter(|_| length >= 12).map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
    let six = || rest.first_chunk::<16>().filter(|_| length >= 36).map(|octets| IpAddr::V6(Ipv6Addr::from(*octets)));
    let source = match (fixed[12], fixed[13]) {
        // A proxy that looks whether the server is there.
        (0x20, _) | (0x21, 0x00) => return Ok(ProxyProgress::Done(None)),
        (0x21, 0x11) => four(),
        (0x21, 0x21) => six(),
        _ => return Err(ProxyFault::Kind),
    };
    source.map(|source| ProxyProgress::Done(Some(source.to_canonical()))).ok_or(ProxyFault::Length)
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

    /// Feeds what is asked for, byte for byte, as a socket would.
    fn feed(bytes: &[u8], versions: ProxyVersions) -> Result<(Option<IpAddr>, usize), Option<ProxyFault>> {
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
    fn what_is_no_header_is_a_fault() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(120));
        let bad: [(Vec<u8>, ProxyFault); 15] = [
            (b"POST / HTTP/1.1\r\n".to_vec(), ProxyFault::Absent),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00".to_vec(), ProxyFault::Absent),
            (b"proxy TCP4 203.0.113.9 10.0.0.1 1 2\r\n".to_vec(), ProxyFault::Absent),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 1 2\n".to_vec(), ProxyFault::Line),
            (long.into_bytes(), ProxyFault::Line),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n".to_vec(), ProxyFault::Fields),
            (b"PROXY TCP4 203.0.113.9  10.0.0.1 1 2\r\n".to_vec(), ProxyFault::Fields),
            (b"PROXY TCP4 2001:db9::1 10.0.0.1 1 2\r\n".to_vec(), ProxyFault::Fields),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 +1 2\r\n".to_vec(), ProxyFault::Fields),
            (b"PROXY TCP4 203.0.113.9 10.0.0.1 1 65536\r\n".to_vec(), ProxyFault::Fields),
            (v2(0x21, 0x31, &[0; 216]), ProxyFault::Kind),
            (v2(0x21, 0x12, &[0; 12]), ProxyFault::Kind),
            (v2(0x31, 0x11, &[0; 12]), ProxyFault::Kind),
            (v2(0x21, 0x11, &[0; 11]), ProxyFault::Length),
            (v2(0x21, 0x11, &[0; MOST_BYTES + 1]), ProxyFault::Length),
        ];
        for (bytes, fault) in bad {
            assert_eq!(feed(&bytes, ANY), Err(Some(fault)), "{}", bytes.escape_ascii());
        }
        assert_eq!(feed(&four(), ProxyVersions::V1), Err(Some(ProxyFault::Version)));
        assert_eq!(feed(b"PROXY UNKNOWN\r\n", ProxyVersions::V2), Err(Some(ProxyFault::Version)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_progress_or_a_fault(tail: Vec<u8>, start in 0..3usize) {
            let bytes = [[&b""[..], SIGNATURE, WORD][start], &tail].concat();
            if let Ok(ProxyProgress::More(more)) = read_proxy_header(&bytes, ANY) {
                prop_assert!(more > 0 && more <= MOST_BYTES);
            }
        }
    }
}
