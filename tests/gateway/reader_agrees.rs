//! Mutated heads: every accepted head has one reading, and an independent reader finds the same one.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use crate::support::bench::{ATTACH, Bench, forwarded, judged, without_format};
use crate::support::crafted::{chunked, replaced, with_lines};
use crate::support::wire::{connect, read_answers};
use crate::support::{Setup, V1, V3};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use ramgate::testing::wire::{Framing, Head, HeadLimits, Method};

const LIMITS: HeadLimits = HeadLimits { head_bytes: 49_152, query_bytes: 16_384, body_bytes: 65_536, headers: 100 };

/// Bytes that some readers of HTTP misinterpret.
const ODD: &[u8] = b"\r\n\t \0\x0b\x0c\x7f\x80\xff:;,/?#&=%+@[]\"_-.0Aa";

/// Lines that some readers of HTTP misinterpret.
const LINES: [&str; 24] = [
    "Host: other",
    "host: gateway.test",
    "Content-Length: 0",
    "Content-Length: 5",
    "content-length: 5, 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding : chunked",
    "Transfer_Encoding: chunked",
    " folded: x",
    "\tfolded",
    "",
    ":",
    "X",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: host",
    "Expect: 100-continue",
    "Upgrade: h2c",
    "Accept: application/json",
    "x-acs-action: DescribeInstances",
    "x-acs-version: 2014-05-26",
    "Content-Type: application/json",
    "X-HTTP-Method-Override: DELETE",
];

#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    /// Ends a line with something other than CRLF.
    EndLine(Index, &'static str),
    InsertLine(Index, &'static str),
    RepeatLine(Index),
    DeleteLine(Index),
    SwapLines(Index, Index),
    SwapCase(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let odd = || prop_oneof![prop::sample::select(ODD), any::<u8>()];
    let ends = prop::sample::select(&["\n", "\r", "\r\r\n", "\n\r", " \r\n", "\r\n "][..]);
    prop_oneof![
        (any::<Index>(), odd()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (any::<Index>(), odd()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        any::<Index>().prop_map(Mutation::Delete),
        (any::<Index>(), ends).prop_map(|(at, end)| Mutation::EndLine(at, end)),
        (any::<Index>(), prop::sample::select(&LINES[..])).prop_map(|(at, line)| Mutation::InsertLine(at, line)),
        any::<Index>().prop_map(Mutation::RepeatLine),
        any::<Index>().prop_map(Mutation::DeleteLine),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Mutation::SwapLines(a, b)),
        any::<Index>().prop_map(Mutation::SwapCase),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_accepted_head_has_one_reading(which in 0..SHAPES, mutations in vec(mutation(), 0..4)) {
        let request = mutated(head_of(&shape(which)), &mutations);
        if let Ok(head) = Head::read(&request, &LIMITS) {
            check_reading(&head, &request)?;
            let again = rebuilt(&head);
            let second = Head::read(&again, &LIMITS).map_err(|error| TestCaseError::fail(format!("{error}")))?;
            prop_assert_eq!(reading(&head), reading(&second), "a head rebuilt from its reading has the same reading");
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(prop_oneof![prop::sample::select(ODD), any::<u8>()], 0..300)) {
        let _ = Head::read(&bytes, &LIMITS);
        let _ = Head::read(&[b"GET / HTTP/1.1\r\nHost: a\r\n", &bytes[..], b"\r\n\r\n"].concat(), &LIMITS);
    }
}

#[test]
fn an_unchanged_head_is_accepted() {
    for which in 0..SHAPES {
        let head = head_of(&shape(which));
        check_reading(&Head::read(&head, &LIMITS).unwrap(), &head).unwrap();
    }
}

/// The gateway sends complete answers or closes, in bounded time, and forwards only what was signed.
#[test]
fn a_mutated_request_is_answered_or_dropped_and_forwarded_only_as_signed() {
    const THREADS: usize = 16;
    let mut setup = Setup::default();
    let patience = Duration::from_millis(400);
    setup.settings.limits.header_timeout = patience;
    setup.settings.limits.body_timeout = patience;
    setup.settings.limits.idle_timeout = patience;
    let bench = Bench::with(setup);
    let mut runner = TestRunner::deterministic();
    let cases: Vec<_> =
        (0..400).map(|_| vec(mutation(), 0..3).new_tree(&mut runner).unwrap().current()).enumerate().collect();
    std::thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(THREADS)) {
            scope.spawn(|| part.iter().for_each(|(at, mutations)| check_exchange(&bench, at % SHAPES, mutations)));
        }
    });

    let expected = without_format(&ATTACH.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let sent: Vec<BTreeMap<_, _>> = bench.upstream.requests().iter().map(|head| forwarded(head)).collect();
    for parameters in &sent {
        assert_eq!(without_format(parameters), expected, "no mutation changed what was signed");
    }
    let events = bench.gateway.events();
    let stage = |event: &&serde_json::Value, stage: &str| event["additionalEventData"]["gateway"]["stage"] == stage;
    let outcomes = events.iter().filter(|event| stage(event, "Outcome")).count();
    let allowed: Vec<_> = events
        .iter()
        .filter(|event| stage(event, "Decision") && event["additionalEventData"]["gateway"]["refusal"].is_null())
        .collect();
    for event in &allowed {
        assert_eq!(judged(event), expected, "the judged parameters are those forwarded: {event}");
        assert_eq!(event["additionalEventData"]["gateway"]["signature"]["verified"], true, "{event}");
    }
    assert_eq!(
        (allowed.len(), outcomes),
        (sent.len(), sent.len()),
        "each forwarded call has a decision and an outcome"
    );
    assert!((10..390).contains(&sent.len()), "some mutations matter and some do not: {}", sent.len());
}

/// Sends one mutated request on its own connection, and checks the answers.
fn check_exchange(bench: &Bench, which: usize, mutations: &[Mutation]) {
    let (head, body) = split(&shape(which));
    let request = [mutated(head, mutations), body].concat();
    let mut stream = connect(bench.gateway.address);
    // The caller keeps its side open, so that the gateway must close the connection.
    let _ = stream.write_all(&request);
    let answers = read_answers(&mut stream);
    for answer in &answers {
        let request = String::from_utf8_lossy(&request);
        assert!(!answer.field("RequestId").is_empty(), "{answer:?} to {request}");
        if answer.status != 200 {
            assert!(!answer.code().is_empty() && !answer.message().is_empty(), "{answer:?} to {request}");
        }
    }
}

const SHAPES: usize = 6;

/// Requests of real clients, each with its own nonce.
fn shape(which: usize) -> Vec<u8> {
    match which {
        0 => V1::attach().bytes(),
        1 => V1::attach().get().header("Accept", "*/*").header("User-Agent", "x").bytes(),
        2 => V1::split().bytes(),
        3 => V3::attach().unsigned("accept", "application/json").bytes(),
        4 => with_lines(&V1::attach().bytes(), "x-acs-action: AttachNetworkInterface\r\nConnection: keep-alive\r\n"),
        _ => {
            let body = V1::split().body();
            let length = format!("Content-Length: {}\r\n", body.len());
            let head = replaced(&V1::split().bytes(), &length, b"Transfer-Encoding: chunked\r\n");
            replaced(&head, &body, chunked(&body).as_bytes())
        }
    }
}

fn split(request: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (request[..end].to_vec(), request[end..].to_vec())
}

fn head_of(request: &[u8]) -> Vec<u8> {
    split(request).0
}

fn mutated(head: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    mutations.iter().fold(head, |mut bytes, mutation| {
        if bytes.is_empty() {
            return bytes;
        }
        let length = bytes.len();
        match mutation {
            Mutation::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Mutation::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Mutation::Delete(at) => _ = bytes.remove(at.index(length)),
            Mutation::SwapCase(at) => bytes[at.index(length)] ^= 0x20,
            _ => return with_other_lines(&bytes, mutation),
        }
        bytes
    })
}

fn with_other_lines(bytes: &[u8], mutation: &Mutation) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let count = lines.len();
    match mutation {
        Mutation::EndLine(at, end) => {
            let line = &mut lines[at.index(count)];
            let text = line.strip_suffix(b"\r\n").unwrap_or(line).to_vec();
            *line = [&text, end.as_bytes()].concat();
        }
        Mutation::InsertLine(at, line) => lines.insert(at.index(count), format!("{line}\r\n").into_bytes()),
        Mutation::RepeatLine(at) => lines.push(lines[at.index(count)].clone()),
        Mutation::DeleteLine(at) => _ = lines.remove(at.index(count)),
        Mutation::SwapLines(a, b) => lines.swap(a.index(count), b.index(count)),
        _ => {}
    }
    // The blank line stays last. Otherwise hardly any result would be a complete head.
    if let Some(blank) = lines.iter().position(|line| line == b"\r\n") {
        let blank = lines.remove(blank);
        lines.push(blank);
    }
    lines.concat()
}

/// Reads the bytes by the strictest grammar, and compares the two readings.
fn check_reading(head: &Head, bytes: &[u8]) -> Result<(), TestCaseError> {
    let text = bytes.strip_suffix(b"\r\n\r\n").expect("a head ends in a blank line");
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let pairs = text.windows(2).filter(|pair| pair == b"\r\n").count();
    for byte in [b'\r', b'\n'] {
        prop_assert_eq!(text.iter().filter(|other| **other == byte).count(), pairs, "CR and LF occur only together");
    }
    prop_assert!(lines.clone().all(|line| !line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))));

    let request_line = std::str::from_utf8(lines.next().unwrap()).unwrap();
    let parts: Vec<_> = request_line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = parts[..] else {
        return Err(TestCaseError::fail(format!("the request line `{request_line}`")));
    };
    prop_assert_eq!(method, head.method().as_str());
    let headers: Vec<(&[u8], &[u8])> = lines
        .map(|line| {
            let colon = line.iter().position(|byte| *byte == b':').expect("a colon in every line");
            (&line[..colon], line[colon + 1..].trim_ascii())
        })
        .collect();
    let read: Vec<_> = head.headers().map(|(name, value)| (name.as_bytes(), value.trim_ascii())).collect();
    prop_assert_eq!(&headers, &read, "every line is a header, in order");

    let count = |name: &str| headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).count();
    prop_assert_eq!(count("host"), 1);
    prop_assert!(count("content-length") + count("transfer-encoding") <= 1);
    let framed = count("content-length") + count("transfer-encoding") == 1;
    prop_assert!(framed || head.framing() == Framing::None);
    prop_assert!(head.method() == Method::Post || head.framing() == Framing::None, "no GET has a body");
    let origin = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            prop_assert!(rest.get(..head.host().len()).is_some_and(|name| name.eq_ignore_ascii_case(head.host())));
            &rest[head.host().len()..]
        }
        _ => target,
    };
    let query = if origin == "/" { "" } else { origin.strip_prefix("/?").expect("the path is `/`") };
    prop_assert_eq!(query.as_bytes(), head.query());
    prop_assert!(query.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'#'));
    Ok(())
}

/// Everything that was read from a head.
fn reading(head: &Head) -> impl PartialEq + std::fmt::Debug {
    let headers: Vec<_> = head.headers().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    let framed = (head.framing(), head.form(), head.keep_alive());
    (head.method(), head.query().to_vec(), headers, framed, head.host().to_owned())
}

/// A head rebuilt from its reading.
fn rebuilt(head: &Head) -> Vec<u8> {
    let query = head.query();
    let mark: &[u8] = if query.is_empty() { b"" } else { b"?" };
    let mut bytes = [head.method().as_str().as_bytes(), b" /", mark, query, b" HTTP/1.1\r\n"].concat();
    for (name, value) in head.headers() {
        bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
