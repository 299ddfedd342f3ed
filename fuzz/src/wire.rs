//! Everything that a stranger's bytes reach before anyone knows who sent them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::percent_decode;
use ramgate::catalog::{Binding, Catalog};
use ramgate::identity::{
    Claim, Clock, Credential, KeyRing, KeyStatus, Secret, Signed, UnsignedV3, canonical_query, format_timestamp,
    sign_v3,
};
use ramgate::ram::{AccountId, Parameter, Parameters, Place, Region};
use ramgate::wire::{
    BodyScanner, FormLimits, Forwarded, Framing, Head, HeadLimits, Method, ProxyProgress, ProxyVersions, Scanned,
    TrustedProxies, read_forwarded, read_parameters, read_proxy_header,
};

const LIMITS: HeadLimits = HeadLimits { head_bytes: 49_152, query_bytes: 16_384, body_bytes: 65_536, headers: 100 };
const FORM: FormLimits = FormLimits { parameters: 100 };

/// A head that is accepted is read the same way by the HTTP library's parser, and once more when it is written anew.
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

    let values = |wanted: &str| {
        let of_name = theirs.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        of_name.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values("host").len(), 1, "one Host");
    let framed = (values("content-length"), values("transfer-encoding"));
    match head.framing() {
        Framing::None => assert!(framed.1.is_empty() && framed.0.iter().all(|length| length.parse() == Ok(0))),
        Framing::Length(bytes) => {
            assert_eq!(framed.0.iter().map(|length| length.parse().unwrap()).collect::<Vec<u64>>(), [bytes]);
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

/// A chunked body ends at the same byte, or is broken, however the network cuts it; and a second reader agrees. The
/// first byte of the input is the size of the pieces.
pub(crate) fn body(data: &[u8]) {
    let Some((size, body)) = data.split_first() else { return };
    let whole = scan(body, body.len().max(1));
    assert_eq!(whole, scan(body, usize::from(*size).max(1)), "the answer must not depend on how a body is cut");
    if let Ok(Some(end)) = whole {
        let mut rest = &body[..end];
        loop {
            let line = rest.iter().position(|byte| *byte == b'\n').expect("a chunk has a size line");
            let (consumed, bytes) = match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete(found)) => found,
                other => panic!("the HTTP library reads another chunk: {other:?}"),
            };
            assert_eq!(consumed, line + 1, "a size line ends at its first line feed");
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

/// Where a chunked body ends; none when it goes on.
fn scan(body: &[u8], size: usize) -> Result<Option<usize>, ()> {
    let mut scanner = BodyScanner::new(Framing::Chunked);
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

/// Parameters that are accepted are what a second decoder finds, and survive being written anew. The input is a query,
/// a line feed, and a form.
pub(crate) fn form(data: &[u8]) {
    let (query, form) = parts(data);
    let Ok(parameters) = read_parameters(query, form, FORM) else { return };
    let theirs: Vec<_> = [query, form].into_iter().flat_map(decoded).collect();
    let ours: Vec<_> = parameters.iter().map(|given| (given.name.to_owned(), given.value.to_owned())).collect();
    assert_eq!(sorted(theirs), sorted(ours.clone()), "the second decoder reads the same parameters");
    let mut names: Vec<_> = ours.iter().map(|(name, _)| name).collect();
    names.sort();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name occurs once");
    let again = canonical_query(parameters.iter());
    let again = read_parameters(again.as_str().as_bytes(), b"", FORM).expect("what was read is read again");
    let again = again.iter().map(|given| (given.name.to_owned(), given.value.to_owned())).collect();
    assert_eq!(sorted(ours), sorted(again));
}

fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b""),
    }
}

/// `application/x-www-form-urlencoded` as the URL standard reads it.
fn decoded(text: &[u8]) -> Vec<(String, String)> {
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

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| vec!["cn-hangzhou".parse().unwrap()]);
static ACCOUNT: LazyLock<AccountId> = LazyLock::new(|| "1234567890123456".parse().unwrap());

fn credential(secret: &str) -> Credential {
    let principal = ramgate::ram::Principal::new(ACCOUNT.clone(), "user/alice".parse().unwrap());
    Credential::new("LTAI5tFuzz".parse().unwrap(), &Secret::new(secret), principal, KeyStatus::Active)
}

/// What the gateway makes of a call is what ECS reads of it: bound, rebuilt, signed, and read again by the parser of
/// the HTTP library. The input is a query, a line feed, and a form.
pub(crate) fn rebuilt(data: &[u8]) {
    let (query, form) = parts(data);
    let Ok(parameters) = read_parameters(query, form, FORM) else { return };
    let catalog = Catalog::bundled();
    let Some(operation) = parameters.value("Action").and_then(|name| catalog.operation(name)) else { return };
    let binding = Binding { account: &ACCOUNT, regions: &REGIONS };
    let Ok(call) = catalog.bind(operation, &parameters, binding) else { return };
    let format = Parameter { name: "Format", value: "JSON", place: Place::Query };
    let query = canonical_query(call.parameters().iter().chain([format]));
    let key = credential("secret");
    let now = Timestamp::from_second(1_767_225_600).unwrap();
    let unsigned = UnsignedV3 {
        method: Method::Post,
        host: "ecs.cn-hangzhou.aliyuncs.com",
        action: call.operation().name(),
        version: call.operation().version(),
        timestamp: &format_timestamp(now),
        nonce: "fuzz",
        query: &query,
    };
    let mut sent = format!("POST /?{} HTTP/1.1\r\n", query.as_str());
    for (name, value) in sign_v3(&unsigned, &key) {
        sent += &format!("{name}: {value}\r\n");
    }
    sent += "\r\n";
    if query.as_str().len() > LIMITS.query_bytes {
        return;
    }

    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    assert_eq!(request.parse(sent.as_bytes()), Ok(httparse::Status::Complete(sent.len())), "{sent}");
    let theirs = request.path.unwrap().split_once('?').map_or("", |(_, query)| query);
    let mut wanted: Vec<_> = call.parameters().iter().map(|it| (it.name.to_owned(), it.value.to_owned())).collect();
    wanted.push(("Format".to_owned(), "JSON".to_owned()));
    assert_eq!(sorted(decoded(theirs.as_bytes())), sorted(wanted), "ECS reads what was judged");

    let head = Head::read(sent.as_bytes(), &LIMITS).expect("what the gateway sends, it would take");
    let read = read_parameters(head.query(), b"", FormLimits { parameters: 200 }).unwrap();
    let signed = Signed::new(&head, &read, b"");
    let claim = Claim::read(&signed).expect("a signed call");
    claim.verify(&signed, &key).expect("the signature that was made verifies");
    assert!(claim.verify(&signed, &credential("another")).is_err(), "and by no other key");
    let again = catalog.bind(operation, &without_format(&read), binding).expect("what was bound is bound again");
    let names = |call: &ramgate::catalog::Call| {
        call.resources().iter().map(|resource| resource.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&call), names(&again), "the resources that are judged are those that ECS acts on");
}

fn without_format(parameters: &Parameters) -> Parameters {
    let mut kept = ramgate::ram::ParametersBuilder::default();
    for given in parameters.iter().filter(|given| given.name != "Format") {
        kept.push(given.name, given.value, Place::Query);
    }
    kept.finish().unwrap()
}

/// The PROXY header comes to an end within its bound, and version 1 says what its text says.
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
                    if data.starts_with(b"PROXY ") {
                        assert!(data[..read].ends_with(b"\r\n"), "not a byte of what follows is taken");
                        assert!(read <= 107, "version 1 has at most 107 bytes");
                        let text = str::from_utf8(&data[..read]).expect("version 1 is ASCII");
                        let said = text.split(' ').nth(2).and_then(|address| address.parse::<IpAddr>().ok());
                        match announced {
                            Some(address) => assert_eq!(said.map(|it| it.to_canonical()), Some(address)),
                            None => assert!(text.starts_with("PROXY UNKNOWN")),
                        }
                    }
                    break;
                }
                Err(_) => break,
            }
        }
    }
}

/// The believed address is the neighbour's or stands in a header, is not trusted unless all are, and what stands left
/// of it changes nothing. The input is a list of header lines.
pub(crate) fn forwarded(data: &[u8]) {
    let lines: Vec<(&str, &[u8])> = data
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii()))
        })
        .collect();
    let trusted = TrustedProxies::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    let neighbour = Forwarded { source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), secure: true };
    let Ok(read) = read_forwarded(neighbour, &lines.iter().copied(), &trusted) else { return };
    let named: Vec<_> = lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for")).collect();
    if named.is_empty() {
        assert_eq!(read.source, neighbour.source);
        return;
    }
    if !trusted.contains(read.source) {
        // The caller's own words, in front of everything.
        let mut more: Vec<(&str, &[u8])> = vec![("X-Forwarded-For", b"203.0.113.9, nonsense")];
        more.extend(&lines);
        let again = read_forwarded(neighbour, &more.iter().copied(), &trusted).expect("the rest is not looked at");
        assert_eq!(again.source, read.source, "a caller cannot choose its address");
    }
}

/// No call verifies that was not signed with the key, whatever the scheme; and what verifies stops verifying when a
/// parameter changes. The input is header lines, an empty line, a query, a line feed, and a form.
pub(crate) fn authorization(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let lines = &data[..end];
    let (query, body) = parts(data.get(end + 2..).unwrap_or_default());
    let Ok(parameters) = read_parameters(query, body, FORM) else { return };
    let header_lines = lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii()))
    });
    let headers: Vec<_> = header_lines.collect();
    for method in [Method::Get, Method::Post] {
        let signed = Signed { method, headers: headers.clone(), parameters: &parameters, body };
        let Ok(claim) = Claim::read(&signed) else { continue };
        let claimed = claim.claimed();
        let clock = Clock { skew: Duration::from_secs(900) };
        let _ = clock.check(claimed.timestamp, Timestamp::from_second(1_767_225_600).unwrap());
        assert!(claim.verify(&signed, &credential("a secret that signed none of the seeds")).is_err());
        if claim.verify(&signed, &credential("secret")).is_ok() {
            let mut changed = ramgate::ram::ParametersBuilder::default();
            for given in parameters.iter() {
                changed.push(given.name, given.value, given.place);
            }
            changed.push("Zz.Added", "1", Place::Query);
            let changed = changed.finish().expect("no seed has that name");
            let other = Signed { method, headers: headers.clone(), parameters: &changed, body };
            if let Ok(claim) = Claim::read(&other) {
                assert!(claim.verify(&other, &credential("secret")).is_err(), "every parameter is signed");
            }
        }
    }
    // The ring is asked for whatever id is claimed.
    let ring = KeyRing::new([credential("secret")]);
    let _ = parameters.value("AccessKeyId").and_then(|id| ring.find(id));
}

/// A subject is text without control characters, or none.
pub(crate) fn certificate_subject(data: &[u8]) {
    if let Some(subject) = ramgate::wire::certificate_subject(data) {
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
    }
}
