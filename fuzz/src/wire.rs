//! The parsers that an unauthenticated caller's bytes reach.

use std::net::{IpAddr, Ipv4Addr};

use percent_encoding::percent_decode;
use ramgate::identity::canonical_query;
use ramgate::testing::wire::{
    BodyScanner, FormLimits, Forwarded, Framing, Head, HeadLimits, ProxyProgress, ProxyVersions, Scanned,
    TrustedProxies, check_plain_form, read_forwarded, read_parameters, read_proxy_header,
};

pub(crate) const LIMITS: HeadLimits =
    HeadLimits { head_bytes: 49_152, query_bytes: 16_384, body_bytes: 65_536, headers: 100 };
pub(crate) const FORM: FormLimits = FormLimits { parameters: 100 };

/// A caller that sends one of these wants another protocol, or an answer before its body.
const NEVER: [&str; 4] = ["expect", "upgrade", "http2-settings", "trailer"];
/// Headers that are ambiguous if repeated. Listed here independently, so that a name missing from the gateway's own list is
/// noticed.
const ONCE: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-encoding",
    "authorization",
    "accept",
    "user-agent",
    "connection",
];

/// An accepted head is read the same way by the HTTP library's parser, and again after it has been written out.
pub(crate) fn head(data: &[u8]) {
    let Ok(head) = Head::read(data, &LIMITS) else { return };
    let mut headers = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Request::new(&mut headers);
    let parsed = other.parse(data).expect("an accepted head is HTTP/1.1");
    assert_eq!(parsed, httparse::Status::Complete(data.len()), "the other reader sees the same end");
    assert_eq!(other.method, Some(head.method().as_str()));
    assert_eq!(other.version, Some(1));
    let target = other.path.unwrap();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    assert_eq!(query.as_bytes(), head.query());
    let theirs: Vec<_> = other.headers.iter().map(|header| (header.name, header.value.trim_ascii())).collect();
    let ours: Vec<_> = head.headers().map(|(name, value)| (name, value.trim_ascii())).collect();
    assert_eq!(theirs, ours, "every line is a header, in order");

    lines_are_plain(data);
    target_is_the_root(target, head.host());
    let values = |wanted: &str| {
        let of_name = theirs.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        of_name.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values("host"), [head.host()], "one Host");
    for (at, (name, _)) in theirs.iter().enumerate() {
        let lower = name.to_ascii_lowercase();
        assert!(!NEVER.contains(&lower.as_str()), "`{name}` is not accepted");
        assert!(!lower.contains('_') || !lower.replace('_', "-").starts_with("x-acs-"), "`{name}` looks like another");
        let again = theirs[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        assert!(!again || !(lower.starts_with("x-acs-") || ONCE.contains(&lower.as_str())), "`{name}` occurs twice");
    }
    let framed = (values("content-length"), values("transfer-encoding"));
    match head.framing() {
        Framing::None => assert!(framed.1.is_empty() && framed.0.iter().all(|length| length.parse() == Ok(0))),
        Framing::Length(bytes) => {
            assert!(framed.0[0].bytes().all(|byte| byte.is_ascii_digit()), "a length is digits: {:?}", framed.0);
            assert_eq!(framed.0.iter().map(|length| length.parse().unwrap()).collect::<Vec<u64>>(), [bytes]);
            assert!(bytes <= LIMITS.body_bytes);
            assert!(framed.1.is_empty(), "a length and a transfer encoding are two readings");
        }
        Framing::Chunked => {
            assert!(framed.0.is_empty(), "a length and a transfer encoding are two readings");
            assert!(framed.1.len() == 1 && framed.1[0].eq_ignore_ascii_case("chunked"));
        }
    }
    let again = written(&head);
    let second = Head::read(&again, &LIMITS).expect("what was read is read again");
    assert_eq!((head.method(), head.query(), head.host()), (second.method(), second.query(), second.host()));
    assert_eq!(
        (head.framing(), head.form(), head.keep_alive()),
        (second.framing(), second.form(), second.keep_alive())
    );
}

/// Every line ends in CR LF, none is folded, and CR, LF and NUL do not occur elsewhere. RFC 9112 allows parsers to tolerate
/// such input, and the HTTP library's parser tolerates some of it, so parsers can disagree about it.
fn lines_are_plain(data: &[u8]) {
    let mut lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    assert_eq!(lines.pop(), Some(&b""[..]), "the last line ends");
    let lines: Vec<_> = lines.iter().map(|line| line.strip_suffix(b"\r").expect("a line ends in CR LF")).collect();
    assert_eq!(lines.iter().position(|line| line.is_empty()), Some(lines.len() - 1), "one empty line, the last");
    for line in lines {
        assert!(!line.starts_with(b" ") && !line.starts_with(b"\t"), "a folded line");
        assert!(!line.iter().any(|byte| matches!(byte, b'\r' | 0)), "a CR or a NUL within a line");
    }
}

/// The path is `/`, and an absolute target names the host of the `Host` header and nothing more.
fn target_is_the_root(target: &str, host: &str) {
    let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let origin = absolute.map_or(target, |rest| &rest[rest.find('/').expect("an absolute target has a path")..]);
    let authority = absolute.map_or(host, |rest| &rest[..rest.len() - origin.len()]);
    assert!(authority.eq_ignore_ascii_case(host), "`{authority}` is not the host `{host}`");
    assert!(!host.is_empty() && !host.contains(['@', '/', '?', '#', ' ', ',']), "`{host}` is a host");
    assert_eq!(origin.split('?').next(), Some("/"), "the path is the root");
}

fn written(head: &Head) -> Vec<u8> {
    let query = head.query();
    let mark: &[u8] = if query.is_empty() { b"" } else { b"?" };
    let mut bytes = [head.method().as_str().as_bytes(), b" /", mark, query, b" HTTP/1.1\r\n"].concat();
    for (name, value) in head.headers() {
        bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A chunked body ends at the same byte or is malformed, however the network splits it, and a second parser agrees. The
/// first byte of the input is the size of the pieces.
pub(crate) fn body(data: &[u8]) {
    let Some((size, body)) = data.split_first() else { return };
    let step = usize::from(*size).max(1);
    let length = usize::from(*size) * 2 + 1;
    let counted = Framing::Length(length as u64);
    assert_eq!(scan(counted, body, step), Ok((length <= body.len()).then_some(length)), "counted bytes");
    let whole = scan(Framing::Chunked, body, body.len().max(1));
    assert_eq!(whole, scan(Framing::Chunked, body, step), "the answer must not depend on how a body is cut");
    if let Ok(Some(end)) = whole {
        let mut rest = &body[..end];
        loop {
            let line = rest.iter().position(|byte| *byte == b'\n').expect("a chunk has a size line");
            let (consumed, bytes) = match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete(found)) => found,
                other => panic!("the HTTP library reads another chunk: {other:?}"),
            };
            assert_eq!(consumed, line + 1, "a size line ends at its first line feed");
            // The HTTP library's parser tolerates blanks and extensions behind the size.
            let digits = rest[..line].strip_suffix(b"\r").expect("a size line ends in CR LF");
            assert!((1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit), "digits alone");
            rest = &rest[consumed..];
            if bytes == 0 {
                assert!(rest.ends_with(b"\r\n"), "a body ends in an empty line");
                return;
            }
            let bytes = usize::try_from(bytes).unwrap();
            assert!(rest.len() >= bytes + 2 && &rest[bytes..bytes + 2] == b"\r\n", "a chunk ends where its size says");
            rest = &rest[bytes + 2..];
        }
    }
}

/// Where a body ends, or `None` if it is not complete.
fn scan(framing: Framing, body: &[u8], size: usize) -> Result<Option<usize>, ()> {
    let mut scanner = BodyScanner::new(framing);
    let mut read = 0;
    for piece in body.chunks(size) {
        match scanner.scan(piece).map_err(|_| ())? {
            Scanned::Within => read += piece.len(),
            Scanned::EndsAfter(taken) => return Ok(Some(read + taken)),
        }
        if scanner.is_done() {
            return Ok(Some(read));
        }
    }
    Ok(None)
}

/// A second decoder finds the same parameters, and encoding and decoding them again does not change them. The input is a
/// query, a line feed and a form.
pub(crate) fn form(data: &[u8]) {
    let (query, form) = parts(data);
    let Ok(parameters) = read_parameters(query, form, FORM) else { return };
    [query, form].into_iter().for_each(is_well_escaped);
    let theirs: Vec<_> = [query, form].into_iter().flat_map(decoded).collect();
    let ours: Vec<_> = parameters.iter().map(|given| (given.name.to_owned(), given.value.to_owned())).collect();
    assert_eq!(sorted(theirs), sorted(ours.clone()), "the second decoder reads the same parameters");
    let mut names: Vec<_> = ours.iter().map(|(name, _)| name).collect();
    names.sort();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name occurs once");
    assert!(ours.len() <= FORM.parameters);
    for (name, value) in &ours {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        assert!(!name.is_empty() && name.bytes().all(plain), "a name is plain: {name:?}");
        assert!(!value.chars().any(is_unseen), "a reader sees all of a value: {value:?}");
    }
    if check_plain_form(query, form).is_ok() {
        let raw =
            [query, form].into_iter().flat_map(|text| text.split(|byte| *byte == b'&')).filter(|it| !it.is_empty());
        for (piece, (name, _)) in raw.zip(&ours) {
            assert!(piece.starts_with(name.as_bytes()), "a name stands as it is read");
            assert!(!piece.iter().any(|byte| b";\"<>[]\\^`{|}".contains(byte)), "a value is escaped");
        }
    }
    let again = canonical_query(parameters.iter());
    let again = read_parameters(again.as_str().as_bytes(), b"", FORM).expect("what was read is read again");
    let again = again.iter().map(|given| (given.name.to_owned(), given.value.to_owned())).collect();
    assert_eq!(sorted(ours), sorted(again));
}

/// Printable ASCII, and every `%` before two hexadecimal digits: the plain decoder passes over what is not.
fn is_well_escaped(text: &[u8]) {
    assert!(text.iter().all(u8::is_ascii_graphic), "printable ASCII");
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let digits = text.get(at + 1..at + 3).expect("an escape is whole");
        assert!(digits.iter().all(u8::is_ascii_hexdigit), "an escape has two digits");
    }
}

/// Controls, and the format characters that may hide a difference: general categories Cc, Cf (as far as it is in use
/// for layout), Zl and Zp.
fn is_unseen(c: char) -> bool {
    let code = u32::from(c);
    let format = [0xad..=0xad, 0x200b..=0x200f, 0x2028..=0x202e, 0x2060..=0x206f, 0xfeff..=0xfeff];
    c.is_control() || format.iter().any(|range| range.contains(&code))
}

pub(crate) fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b""),
    }
}

/// `application/x-www-form-urlencoded` as the URL standard reads it.
pub(crate) fn decoded(text: &[u8]) -> Vec<(String, String)> {
    let piece = |bytes: &[u8]| {
        let blank: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&blank).decode_utf8().expect("an accepted parameter is UTF-8").into_owned()
    };
    let pieces = text.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    let pair = |bytes: &[u8]| {
        let equals = bytes.iter().position(|byte| *byte == b'=').expect("an accepted piece has `=`");
        (piece(&bytes[..equals]), piece(&bytes[equals + 1..]))
    };
    pieces.map(pair).collect()
}

pub(crate) fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

/// The PROXY header ends within its limit, and a second parser finds the same address.
pub(crate) fn proxy_header(data: &[u8]) {
    for versions in [ProxyVersions::V1, ProxyVersions::V2, ProxyVersions::Any] {
        let mut read = 0;
        loop {
            match read_proxy_header(&data[..read], versions) {
                Ok(ProxyProgress::More(bytes)) => {
                    assert!(bytes > 0, "asks for something");
                    assert!(read + bytes <= 16 + 65_535, "a header is bounded");
                    read += bytes;
                    if read > data.len() {
                        break;
                    }
                }
                Ok(ProxyProgress::Done(announced)) => {
                    assert_eq!(announced, announced_by(&data[..read], versions));
                    break;
                }
                Err(_) => break,
            }
        }
    }
}

/// The address in a complete header, read by the letter of the protocol.
fn announced_by(header: &[u8], versions: ProxyVersions) -> Option<IpAddr> {
    if let Some(binary) = header.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n") {
        assert_ne!(versions, ProxyVersions::V1);
        let (command, family, rest) = (binary[0], binary[1], &binary[4..]);
        assert_eq!(rest.len(), usize::from(binary[2]) << 8 | usize::from(binary[3]), "as long as it says");
        return match (command, family) {
            (0x20, _) | (0x21, 0) => None,
            (0x21, 0x11) => {
                assert!(rest.len() >= 12, "two addresses and two ports of IPv4");
                Some(IpAddr::from(<[u8; 4]>::try_from(&rest[..4]).unwrap()))
            }
            (0x21, 0x21) => {
                assert!(rest.len() >= 36, "two addresses and two ports of IPv6");
                Some(IpAddr::from(<[u8; 16]>::try_from(&rest[..16]).unwrap()).to_canonical())
            }
            other => panic!("no caller over TCP has {other:?}"),
        };
    }
    assert_ne!(versions, ProxyVersions::V2);
    assert!(header.len() <= 107, "version 1 has at most 107 bytes");
    let line = str::from_utf8(header).expect("version 1 is ASCII").strip_suffix("\r\n").expect("CR LF ends it");
    assert!(!line.contains('\n'), "not a byte of what follows is taken");
    let mut fields = line.split(' ');
    assert_eq!(fields.next(), Some("PROXY"));
    let family = fields.next();
    if family == Some("UNKNOWN") {
        return None;
    }
    let addresses = [fields.next(), fields.next()].map(|field| field.unwrap().parse::<IpAddr>().unwrap());
    assert!(addresses.iter().all(|it| Some(if it.is_ipv4() { "TCP4" } else { "TCP6" }) == family));
    let ports: Vec<&str> = fields.collect();
    assert!(ports.len() == 2 && ports.iter().all(|port| port.parse::<u16>().unwrap().to_string() == *port));
    Some(addresses[0].to_canonical())
}

/// The caller's address is the right-most one that is not a trusted proxy's, computed here in another way, and anything a
/// caller writes in front of it has no effect. The input is a list of header lines.
pub(crate) fn forwarded(data: &[u8]) {
    let lines = header_lines(data);
    let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    for secure in [true, false] {
        let neighbour = Forwarded { source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), secure };
        let read = read_forwarded(neighbour, &lines.iter().copied(), &trusted).ok();
        assert_eq!(read, second_reading(neighbour, &lines, &trusted));
        let Some(read) = read else { continue };
        if !trusted.contains(read.source) {
            let mut more: Vec<(&str, &[u8])> = vec![("X-Forwarded-For", b"203.0.113.9, nonsense")];
            more.extend(&lines);
            let again = read_forwarded(neighbour, &more.iter().copied(), &trusted).expect("the rest is not looked at");
            assert_eq!(again.source, read.source, "a caller cannot choose its address");
        }
    }
}

/// What `read_forwarded` should find: all lists joined to one, split, and gone through from the right.
fn second_reading(neighbour: Forwarded, lines: &[(&str, &[u8])], trusted: &TrustedProxies) -> Option<Forwarded> {
    let values = |wanted: &str| {
        let of_name = lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        of_name.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let lists = values("x-forwarded-for");
    let joined = lists.join(&b","[..]);
    let mut hops: Vec<&[u8]> = joined.split(|byte| *byte == b',').collect();
    if lists.is_empty() {
        hops.clear();
    }
    let mut source = None;
    for (at, hop) in hops.iter().rev().enumerate() {
        let address = if at < 32 { hop_address(str::from_utf8(hop).ok()?.trim_ascii())? } else { return None };
        source = Some(address);
        if !trusted.contains(address) {
            break;
        }
    }
    let secure = match values("x-forwarded-proto")[..] {
        [] => source.is_none() && neighbour.secure,
        [one] => match one.trim_ascii().to_ascii_lowercase().as_slice() {
            b"https" => true,
            b"http" => false,
            _ => return None,
        },
        _ => return None,
    };
    Some(Forwarded { source: source.unwrap_or(neighbour.source), secure })
}

/// `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`; IPv4 in IPv6 is IPv4.
fn hop_address(text: &str) -> Option<IpAddr> {
    let port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    let address: IpAddr = if let Some(rest) = text.strip_prefix('[') {
        let (six, rest) = rest.split_once(']')?;
        let ported = rest.strip_prefix(':').is_some_and(port);
        IpAddr::V6(six.parse().ok().filter(|_| rest.is_empty() || ported)?)
    } else {
        match text.split_once(':') {
            Some((four, rest)) if port(rest) => IpAddr::V4(four.parse().ok()?),
            _ => text.parse().ok()?,
        }
    };
    Some(address.to_canonical())
}

/// `Name: value` lines. Lines without a colon, or whose name is not text, are skipped.
pub(crate) fn header_lines(data: &[u8]) -> Vec<(&str, &[u8])> {
    let line = |line: &'_ [u8]| line.iter().position(|byte| *byte == b':');
    let lines =
        data.split(|byte| *byte == b'\n').filter_map(|it| line(it).map(|colon| (&it[..colon], &it[colon + 1..])));
    lines.filter_map(|(name, value)| Some((str::from_utf8(name).ok()?, value.trim_ascii()))).collect()
}
