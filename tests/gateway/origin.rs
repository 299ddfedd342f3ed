//! A caller's address and scheme, from the socket or from a trusted proxy (`docs/spec/wire-protocol.md` 8, row 12).

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use crate::support::bench::{Bench, Refused};
use crate::support::caller::Shape;
use crate::support::crafted::with_lines;
use crate::support::refusals::stranger;
use crate::support::tls::{Authority, ask_on, config, listener, trusting};
use crate::support::wire::{connect, read_answer};
use crate::support::{Answer, Caller, Setup, TestGateway, policies, trusted};
use ramgate::budget::{BudgetLimits, PerMinute};
use ramgate::testing::wire::ProxyVersions;
use serde_json::Value;

const LOOPBACK: &[&str] = &["127.0.0.0/8"];

fn setup(ranges: &[&str], protocol: Option<ProxyVersions>) -> Setup {
    let mut setup = Setup::default();
    setup.settings.listener.proxies.trusted = trusted(ranges);
    setup.settings.listener.proxies.protocol = protocol;
    setup.settings.limits.header_timeout = Duration::from_secs(20);
    setup
}

/// A call that is judged but not forwarded.
fn denied() -> Vec<u8> {
    Caller::bob().attach(Shape::V3Query)
}

/// Source, scheme and peer of an event.
fn origin(event: &Value) -> (String, String, Option<String>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let more = &event["additionalEventData"];
    let peer = more["gateway"].get("peer").map(text);
    (text(&event["sourceIpAddress"]), text(&more["Scheme"]), peer)
}

/// Trusted ranges, header lines, and the source address and scheme that result.
type Row = (&'static [&'static str], &'static str, &'static str, &'static str);

const TABLE: &[Row] = &[
    // No proxy is trusted: only the socket counts.
    (&[], "", "127.0.0.1", "http"),
    (&[], "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n", "127.0.0.1", "http"),
    // The peer is not among the trusted proxies.
    (&["10.0.0.0/8"], "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n", "127.0.0.1", "http"),
    (&["10.0.0.0/8"], "X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\n", "127.0.0.1", "http"),
    (&["10.0.0.0/8"], "X-Forwarded-For: no address\r\nX-Forwarded-Proto: gopher\r\n", "127.0.0.1", "http"),
    // The peer is trusted.
    (LOOPBACK, "", "127.0.0.1", "http"),
    (LOOPBACK, "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9", "http"),
    (LOOPBACK, "x-FORWARDED-for: 203.0.113.9\r\nx-forwarded-PROTO: HTTPS\r\n", "203.0.113.9", "https"),
    (LOOPBACK, "X-Forwarded-Proto: https\r\n", "127.0.0.1", "https"),
    (LOOPBACK, "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n", "203.0.113.9", "http"),
    (LOOPBACK, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9", "http"),
    (LOOPBACK, "X-Forwarded-For: unreachable nonsense, 203.0.113.9\r\n", "203.0.113.9", "http"),
    (&["::ffff:127.0.0.0/104"], "X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9", "http"),
    // Chains of proxies: the source is the last address that is not trusted, or the first if all are.
    (
        &["127.0.0.0/8", "10.0.0.0/8"],
        "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.7, 10.0.0.8\r\n",
        "203.0.113.9",
        "http",
    ),
    (&["127.0.0.0/8", "10.0.0.0/8"], "X-Forwarded-For: 203.0.113.9, 172.16.0.1, 10.0.0.8\r\n", "172.16.0.1", "http"),
    (&["127.0.0.0/8", "10.0.0.0/8"], "X-Forwarded-For: 10.0.0.9, 10.0.0.8\r\n", "10.0.0.9", "http"),
    // Headers that are ignored even from a trusted proxy.
    (LOOPBACK, "Forwarded: for=203.0.113.9;proto=https\r\nX-Real-IP: 203.0.113.9\r\n", "127.0.0.1", "http"),
    (LOOPBACK, "X_Forwarded_For: 203.0.113.9\r\nx-acs-source-ip: 203.0.113.9\r\n", "127.0.0.1", "http"),
];

#[test]
fn only_a_trusted_peer_determines_the_source_address() {
    for (ranges, lines, source, scheme) in TABLE {
        let gateway = TestGateway::start(setup(ranges, None));
        let answer = gateway.ask(&with_lines(&denied(), lines));
        assert_eq!(answer.code(), "Forbidden.SubUser", "{ranges:?} {lines}");
        let peer = (*source != "127.0.0.1").then(|| "127.0.0.1".to_owned());
        let expected = ((*source).to_owned(), (*scheme).to_owned(), peer);
        assert_eq!(origin(&gateway.last_event()), expected, "{ranges:?} {lines}");
    }
}

#[test]
fn ambiguous_headers_of_a_trusted_proxy_are_refused() {
    let bench = Bench::with(setup(LOOPBACK, None));
    for (lines, because) in [
        ("X-Forwarded-For: unknown\r\n", "the hop `unknown`, which is not an address"),
        ("X-Forwarded-For: \r\n", "the hop ``"),
        ("X-Forwarded-For: 203.0.113.9,\r\n", "the hop ``"),
        ("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.0/24\r\n", "the hop `203.0.113.0/24`"),
        ("X-Forwarded-For: 203.0.113.9, garbage, 127.0.0.2\r\n", "the hop `garbage`"),
        ("X-Forwarded-Proto: https,http\r\n", "`X-Forwarded-Proto` is `https,http`"),
        ("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n", "`X-Forwarded-Proto` is `https`"),
        ("X-Forwarded-Proto: spdy\r\n", "`X-Forwarded-Proto` is `spdy`"),
    ] {
        bench.refuses(lines, &with_lines(&denied(), lines), Refused::two_readings(because));
    }
}

/// Policies are judged on the caller's address and scheme. The proxy's headers are not forwarded to ECS.
#[test]
fn conditions_see_the_caller_behind_the_proxy() {
    let account =
        "account = \"1234567890123456\"\n[roles.terway]\npolicies = [\"office\"]\n[users.alice]\n[users.bob]\n";
    let policy = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*", "Condition": {
        "Bool": {"acs:SecureTransport": "true"}, "IpAddress": {"acs:SourceIp": "203.0.113.0/24"}}}]}"#;
    let with = |ranges: &[&str]| {
        Bench::with(Setup { policies: policies(account, &[("office", policy)]), ..setup(ranges, None) })
    };
    let attach = |lines: &str| with_lines(&Caller::terway().attach(Shape::V1Form), lines);
    let both = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
    let bench = with(LOOPBACK);
    bench.forwards_attach("from the office, over TLS", &attach(both));
    let sent = bench.upstream.requests().pop().unwrap().to_ascii_lowercase();
    assert!(!sent.contains("forwarded") && !sent.contains("203.0.113.9"), "{sent}");
    for lines in [
        "",
        "X-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-Proto: https\r\n",
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\n",
        "X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\nX-Forwarded-Proto: https\r\n",
    ] {
        assert_eq!(bench.gateway.ask(&attach(lines)).status, 403, "{lines}");
    }
    assert_eq!(with(&["10.0.0.0/8"]).gateway.ask(&attach(both)).status, 403, "this peer is not trusted");
}

/// The number of log lines for unknown callers is limited for each caller behind a proxy, not for the proxy.
#[test]
fn each_caller_behind_a_proxy_has_its_own_budget() {
    let source = PerMinute { refused_lines: 1, ..PerMinute::OF_SOURCE };
    let budgets = BudgetLimits { source, ..BudgetLimits::default() };
    let gateway = TestGateway::start(Setup { budgets, ..setup(LOOPBACK, None) });
    let send = |source: &str| {
        let request = with_lines(&stranger().attach(Shape::V3Query), &format!("X-Forwarded-For: {source}\r\n"));
        assert_eq!(gateway.ask(&request).status, 400);
    };
    for source in ["203.0.113.1", "203.0.113.1", "203.0.113.2", "203.0.113.1"] {
        send(source);
    }
    let sources: Vec<_> = gateway.events().iter().map(|event| origin(event).0).collect();
    assert_eq!(sources, ["203.0.113.1", "203.0.113.2"]);
}

mod proxy_protocol {
    use super::*;

    const V1_HEADER: &[u8] = b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n";

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length, body].concat()
    }

    fn v2_header() -> Vec<u8> {
        // With a vendor-specific field after the addresses.
        v2(0x21, 0x11, &[203, 0, 113, 9, 10, 0, 0, 1, 0, 80, 1, 187, 0xea, 0, 2, 7, 7])
    }

    fn six() -> Vec<u8> {
        let source = "2001:db9::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
        v2(0x21, 0x21, &[&source[..], &[0; 20]].concat())
    }

    /// Sends the header and a call at once. `None` if the connection ends without an answer.
    fn send(address: SocketAddr, header: &[u8], request: &[u8]) -> Option<Answer> {
        let mut stream = connect(address);
        let _ = stream.write_all(&[header, request].concat());
        read_answer(&mut stream)
    }

    #[test]
    fn a_trusted_proxy_announces_its_caller() {
        use ProxyVersions::{Any, V1, V2};
        let local = v2(0x20, 0, &[]);
        let table: [(ProxyVersions, &[u8], Option<&str>); 11] = [
            (V1, V1_HEADER, Some("203.0.113.9")),
            (Any, V1_HEADER, Some("203.0.113.9")),
            (V2, V1_HEADER, None),
            (V2, &v2_header(), Some("203.0.113.9")),
            (Any, &six(), Some("2001:db9::1")),
            (V1, &v2_header(), None),
            (V1, b"PROXY UNKNOWN\r\n", Some("127.0.0.1")),
            (V2, &local, Some("127.0.0.1")),
            (Any, b"", None),
            (Any, b"PROXY TCP4 203.0.113.9\r\n", None),
            (Any, b"PROXY TCP4 203.0.113.9 10.0.0.1 1 2\nX: y\r\n", None),
        ];
        for (versions, header, source) in table {
            let label = format!("{versions:?} {}", header.escape_ascii());
            let gateway = TestGateway::start(setup(LOOPBACK, Some(versions)));
            let answer = send(gateway.address, header, &denied());
            assert_eq!(answer.map(|answer| answer.code()), source.map(|_| "Forbidden.SubUser".to_owned()), "{label}");
            let sources: Vec<_> = gateway.events().iter().map(|event| origin(event).0).collect();
            assert_eq!(sources, source.into_iter().collect::<Vec<_>>(), "{label}");
        }
    }

    /// The caller leaves or stays silent after part of the header: there is no answer and no log line.
    #[test]
    fn an_incomplete_header_closes_the_connection() {
        let mut setup = setup(LOOPBACK, Some(ProxyVersions::Any));
        setup.settings.limits.header_timeout = Duration::from_millis(100);
        let gateway = TestGateway::start(setup);
        let header = v2_header();
        let cuts = (0..header.len()).map(|cut| &header[..cut]);
        for part in cuts.chain([0, 1, 11, 12, 30, V1_HEADER.len() - 1].map(|cut| &V1_HEADER[..cut])) {
            for leaves in [true, false] {
                let mut stream = connect(gateway.address);
                stream.write_all(part).unwrap();
                if leaves {
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                }
                assert_eq!(stream.read(&mut [0; 1]).unwrap_or_default(), 0, "{}", part.escape_ascii());
            }
        }
        assert!(gateway.events().is_empty());
    }

    /// The header arrives byte by byte. Several calls follow it, and then a second header.
    #[test]
    fn a_header_may_arrive_in_pieces_but_only_once() {
        let gateway = TestGateway::start(setup(LOOPBACK, Some(ProxyVersions::V1)));
        let mut stream = connect(gateway.address);
        for byte in V1_HEADER {
            stream.write_all(&[*byte]).unwrap();
        }
        for _ in 0..2 {
            stream.write_all(&denied()).unwrap();
            assert_eq!(read_answer(&mut stream).unwrap().status, 403);
            let expected = ("203.0.113.9".to_owned(), "http".to_owned(), Some("127.0.0.1".to_owned()));
            assert_eq!(origin(&gateway.last_event()), expected);
        }
        stream.write_all(&[V1_HEADER, &denied()].concat()).unwrap();
        let answer = read_answer(&mut stream).unwrap();
        assert!(answer.status == 400 && answer.closed, "a second header is not a valid request: {answer:?}");
    }

    /// From an untrusted peer, or without the setting, the header is a malformed request.
    #[test]
    fn a_header_is_refused_from_an_untrusted_peer_and_without_the_setting() {
        for (ranges, protocol) in [(&["10.0.0.0/8"][..], Some(ProxyVersions::Any)), (LOOPBACK, None)] {
            let gateway = TestGateway::start(setup(ranges, protocol));
            assert_eq!(send(gateway.address, b"", &denied()).unwrap().status, 403, "a call without a header is served");
            let answer = send(gateway.address, V1_HEADER, &denied()).unwrap();
            assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidParameter"));
            assert_eq!(origin(&gateway.last_event()).0, "127.0.0.1");
        }
    }

    /// `X-Forwarded-For` and `X-Forwarded-Proto` count only if the announced address is trusted itself.
    #[test]
    fn the_announced_address_is_the_right_most_hop() {
        let ranges = &["127.0.0.0/8", "10.0.0.0/8"];
        let gateway = TestGateway::start(setup(ranges, Some(ProxyVersions::V1)));
        let forwarded = || with_lines(&denied(), "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n");
        for (announced, source, scheme) in
            [("203.0.113.9", "203.0.113.9", "http"), ("10.0.0.5", "198.51.100.7", "https")]
        {
            let header = format!("PROXY TCP4 {announced} 10.0.0.1 1 2\r\n");
            assert_eq!(send(gateway.address, header.as_bytes(), &forwarded()).unwrap().status, 403);
            let expected = (source.to_owned(), scheme.to_owned(), Some("127.0.0.1".to_owned()));
            assert_eq!(origin(&gateway.last_event()), expected);
        }
    }

    #[test]
    fn tls_follows_the_header() {
        use rustls::pki_types::ServerName;
        use rustls::{ClientConnection, StreamOwned};
        let authority = Authority::new();
        let tls = Some(listener(config(&authority.server(), None)).0);
        let gateway = TestGateway::start(Setup { tls, ..setup(LOOPBACK, Some(ProxyVersions::V2)) });
        let mut socket = connect(gateway.address);
        socket.write_all(&v2_header()).unwrap();
        let name = ServerName::try_from("gateway.test").unwrap();
        let connection = ClientConnection::new(trusting(&authority.pem).into(), name).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        assert_eq!(ask_on(&mut stream, &denied()).unwrap().status, 403);
        let expected = ("203.0.113.9".to_owned(), "https".to_owned(), Some("127.0.0.1".to_owned()));
        assert_eq!(origin(&gateway.last_event()), expected);
        assert!(
            crate::support::tls::open(gateway.address, trusting(&authority.pem), "127.0.0.1").is_err(),
            "TLS without a header"
        );
    }

    /// Silent callers behind a proxy lose slots as other callers do: to a caller that holds fewer.
    #[test]
    fn the_caller_behind_a_proxy_that_holds_the_most_slots_gives_them_up() {
        let mut setup = setup(LOOPBACK, Some(ProxyVersions::V1));
        setup.settings.limits.connections = 4;
        let gateway = TestGateway::start(setup);
        let open = |source: &str| {
            let mut stream = connect(gateway.address);
            stream.write_all(format!("PROXY TCP4 {source} 10.0.0.1 1 2\r\n").as_bytes()).unwrap();
            stream
        };
        let silent: Vec<_> = (0..4).map(|_| open("203.0.113.1")).collect();
        // Until its header is read, a connection counts as the proxy's, and the first newcomer could be displaced
        // itself.
        std::thread::sleep(Duration::from_secs(1));
        for number in 2..5 {
            let mut stream = open(&format!("203.0.113.{number}"));
            stream.write_all(&denied()).unwrap();
            assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(403), "caller {number}");
        }
        drop(silent);
    }

    /// A connection through a proxy counts for the announced caller, not for the proxy.
    #[test]
    fn connections_through_a_proxy_count_for_the_announced_caller() {
        let mut setup = setup(LOOPBACK, Some(ProxyVersions::V1));
        setup.settings.limits.source.connections = 1;
        let gateway = TestGateway::start(setup);
        let header = |source: &str| format!("PROXY TCP4 {source} 10.0.0.1 1 2\r\n").into_bytes();
        let hold = |source: &str| {
            let mut stream = connect(gateway.address);
            stream.write_all(&[header(source), denied()].concat()).unwrap();
            read_answer(&mut stream).map(|_| stream)
        };
        let first = hold("203.0.113.1");
        let second = hold("203.0.113.2");
        assert!(first.is_some() && second.is_some());
        assert!(hold("203.0.113.1").is_none(), "a second connection of the same caller");
        assert!(hold("203.0.113.3").is_some());
    }
}
