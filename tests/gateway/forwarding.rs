//! Calls sent upstream and the answers returned, and that no call is sent twice.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::caller::{Shape, attach_parameters};
use crate::support::refusals::{DIALECTS, OWN_ACCOUNT, tampered, with};
use crate::support::upstream::{Behaviour, REQUEST_ID, json, success};
use crate::support::wire::{connect, read_answer};
use crate::support::{Answer, Caller, ENI, FakeUpstream, INSTANCE, Setup, TestGateway, wait_for};
use ramgate::identity::{Claim, Signed, parse_timestamp};
use ramgate::testing::wire::{FormLimits, Head, HeadLimits, Method, read_parameters};

#[test]
fn a_call_is_rebuilt_and_signed_with_the_gateways_key() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    for dialect in DIALECTS {
        assert_eq!(gateway.ask(&dialect.attach(&Caller::terway())).status, 200);
        let request = upstream.requests().pop().unwrap();
        let limits = HeadLimits { head_bytes: 65_536, query_bytes: 65_536, body_bytes: 0, headers: 100 };
        let head = Head::read(request.as_bytes(), &limits).unwrap();
        assert_eq!((head.method(), head.host()), (Method::Post, upstream.address.to_string().as_str()));
        let parameters = read_parameters(head.query(), b"", FormLimits { parameters: 10 }).unwrap();
        let signed = Signed::new(&head, &parameters, b"");
        let claim = Claim::read(&signed).unwrap();
        claim.verify(&signed, &crate::support::gateway::own_key()).unwrap();
        let claimed = claim.fields();
        assert_eq!((claimed.action, claimed.version), (Some("AttachNetworkInterface"), Some("2014-05-26")));
        assert_eq!(claimed.security_token, None);
        assert!(parse_timestamp(claimed.timestamp).is_some(), "{}", claimed.timestamp);
        let sent: BTreeSet<_> = parameters.iter().map(|parameter| (parameter.name, parameter.value)).collect();
        let expected = BTreeSet::from([
            ("Format", dialect.format),
            ("InstanceId", INSTANCE),
            ("NetworkInterfaceId", ENI),
            ("RegionId", "cn-hangzhou"),
        ]);
        assert_eq!(sent, expected, "{dialect:?}");
    }
    let nonces: BTreeSet<_> =
        upstream.requests().iter().map(|request| header(request, "x-acs-signature-nonce").to_owned()).collect();
    assert_eq!(nonces.len(), DIALECTS.len(), "each call has its own nonce");
}

#[test]
fn headers_and_ignored_parameters_of_the_caller_do_not_reach_the_upstream() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    let habits = [
        OWN_ACCOUNT,
        ("on", "AttachNetworkInterface"),
        ("SourceIp", "203.0.113.9"),
        ("SecureTransport", "true"),
        ("WaitForNetworkConfigurationReady", "true"),
        ("NetworkCardIndex", "1"),
    ];
    let headers = "\r\nX-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nx-acs-source-ip: 203.0.113.9\r\n\
        x-acs-secure-transport: true\r\nCookie: session=leak\r\nX-HTTP-Method-Override: DELETE\r\nReferer: leak\r\n\
        Accept-Encoding: gzip\r\nUser-Agent: leaky/1\r\nX-Custom: leak\r\n\r\n";
    for dialect in DIALECTS {
        let caller = Caller::terway();
        let request = tampered(&dialect.call(&caller, &with(&habits)), "\r\n\r\n", headers);
        assert_eq!(gateway.ask(&request).status, 200, "{dialect:?}");
        let sent = upstream.requests().pop().unwrap();
        for leak in ["203.0.113.9", "leak", "gzip", "DELETE", caller.id.as_str(), "on=", "OwnerId", "WaitFor", "Secure"]
        {
            assert!(!sent.contains(leak), "`{leak}` in {sent}");
        }
        assert!(sent.contains("&NetworkCardIndex=1&"), "{sent}");
        let names: BTreeSet<_> =
            sent.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_lowercase()).collect();
        let known = [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "host",
            "user-agent",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
        ];
        assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    }
}

#[test]
fn an_answer_is_returned_unchanged() {
    let errors = [
        (
            400,
            "InvalidOperation.InvalidEniState",
            "The current status of the resource does not support this operation.",
        ),
        (
            403,
            "InvalidOperation.VpcMismatch",
            "The operation is invalid: the ENI and its security group are in different VPCs.",
        ),
        (404, "InvalidEniId.NotFound", "The specified ENI ID does not exist."),
        (500, "InternalError", "The request processing has failed due to some unknown error."),
        (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
        (400, "Throttling.User", "Request was denied due to user flow control."),
    ];
    for (status, code, message) in errors {
        let body = format!(
            " {{ \"Code\":\"{code}\",\n\"Message\":\"{message}\", \"RequestId\":\"{REQUEST_ID}\", \"X\":[1] }} "
        );
        let headers = "x-acs-trace-id: 0123456789abcdef\r\nETag: \"e\"\r\nx-acs-retry-after: 250\r\n";
        let upstream = FakeUpstream::behaving(Behaviour::Answer(json(status, &body, headers)));
        let gateway = TestGateway::before(&upstream.url());
        let answer = gateway.ask(&Caller::terway().attach(Shape::V3Query));
        assert_eq!((answer.status, answer.body.as_str()), (status, body.as_str()));
        for (name, value) in [
            ("content-type", "application/json;charset=utf-8"),
            ("x-acs-request-id", REQUEST_ID),
            ("x-acs-trace-id", "0123456789abcdef"),
            ("etag", "\"e\""),
            ("x-acs-retry-after", "250"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
        let outcome = gateway.last_event();
        assert_eq!((&outcome["errorCode"], &outcome["errorMessage"]), (&code.into(), &message.into()));
        assert_eq!(outcome["requestId"], REQUEST_ID);
        assert_eq!(upstream.requests().len(), 1, "a call is not repeated after an error of ECS");
    }
}

#[test]
fn hop_by_hop_headers_are_not_returned() {
    let hop = "Connection: x-hop, keep-alive\r\nx-hop: 1\r\nKeep-Alive: timeout=25\r\nTE: trailers\r\nTrailer: x-t\r\n\
        Upgrade: h2c\r\nProxy-Connection: keep-alive\r\nProxy-Authenticate: Basic\r\n\
        Proxy-Authentication-Info: x\r\nETag: 1\r\n";
    let body = format!("{{\"RequestId\":\"{REQUEST_ID}\"}}");
    let upstream = FakeUpstream::behaving(Behaviour::Answer(json(200, &body, hop)));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: 1\r\n\r\n{:x}\r\n{body}\r\n0\r\nx-t: 1\r\n\r\n",
        body.len()
    );
    let chunking = FakeUpstream::behaving(Behaviour::Answer(chunked.into_bytes()));
    for upstream in [upstream, chunking] {
        let answer = TestGateway::before(&upstream.url()).ask(&Caller::terway().attach(Shape::V1Query));
        assert_eq!((answer.status, answer.body.as_str(), answer.header("etag")), (200, body.as_str(), Some("1")));
        for name in [
            "connection",
            "x-hop",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
            "proxy-connection",
            "proxy-authenticate",
            "proxy-authentication-info",
            "transfer-encoding",
            "x-t",
        ] {
            assert_eq!(answer.header(name), None, "{answer:?}");
        }
    }
}

#[test]
fn an_upstream_without_an_answer_gets_one_request() {
    let large = format!("{{\"RequestId\":\"{}\"}}", "x".repeat(8 << 20));
    let redirect = |status| json(status, "{}", "Location: http://127.0.0.1:1/\r\n");
    let cases = [
        ("silent", Behaviour::Silent, "the outcome is unknown"),
        ("closes", Behaviour::Close, "the outcome is unknown"),
        ("ends in the head", Behaviour::AnswerAndClose(b"HTTP/1.1 200 OK\r\nCont".to_vec()), "the outcome is unknown"),
        (
            "ends in the body",
            Behaviour::AnswerAndClose(success()[..success().len() - 5].to_vec()),
            "the outcome is unknown",
        ),
        ("not HTTP", Behaviour::AnswerAndClose(b"hello\r\n\r\n".to_vec()), "the outcome is unknown"),
        ("too late", Behaviour::Late(Duration::from_millis(600), success()), "the outcome is unknown"),
        ("moved", Behaviour::Answer(redirect(302)), "status 302"),
        ("moved with the method", Behaviour::Answer(redirect(307)), "status 307"),
        ("too large", Behaviour::Answer(json(200, &large, "")), "more than 8388608 bytes"),
    ];
    for (case, behaviour, message) in cases {
        let upstream = FakeUpstream::behaving(behaviour);
        let mut setup = Setup { upstream: Some(upstream.url()), ..Setup::default() };
        setup.settings.upstream.timeout = Duration::from_millis(if case == "too large" { 10_000 } else { 300 });
        let gateway = TestGateway::start(setup);
        let answer = gateway.ask(&Caller::terway().attach(Shape::V1Query));
        unavailable(&answer, message, case);
        assert_eq!(answer.header("location"), None, "{case}");
        thread::sleep(Duration::from_millis(50));
        assert_eq!(upstream.requests().len(), 1, "{case}");
        let outcome = gateway.last_event();
        assert_eq!(
            (&outcome["errorCode"], &outcome["errorMessage"]),
            (&"ServiceUnavailable".into(), &answer.message().into())
        );
        assert_eq!(outcome["requestId"], answer.field("RequestId"), "{case}");
    }
}

#[test]
fn an_upstream_that_cannot_be_reached_gets_nothing() {
    let gateway = TestGateway::before("http://127.0.0.1:1");
    unavailable(&gateway.ask(&Caller::terway().attach(Shape::V1Query)), "nothing was sent", "no listener");
}

#[test]
fn an_upstream_connection_is_reused() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    for calls in 1..=3 {
        assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V3Query)).status, 200);
        assert_eq!((upstream.requests().len(), upstream.connections()), (calls, 1));
    }
}

#[test]
fn a_kept_connection_that_the_upstream_closed_is_replaced() {
    let upstream = FakeUpstream::behaving(Behaviour::AnswerAndClose(success()));
    let gateway = TestGateway::before(&upstream.url());
    for calls in 1..=4 {
        assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V3Query)).status, 200);
        assert_eq!(upstream.requests().len(), calls, "each call is sent once");
        wait_for("the gateway to close the connection", || upstream.ended() == calls);
    }
}

#[test]
fn a_call_sent_on_a_kept_connection_is_not_repeated() {
    let script = |number| if number == 0 { Behaviour::Answer(success()) } else { Behaviour::Close };
    let upstream = FakeUpstream::scripted(script);
    let gateway = TestGateway::before(&upstream.url());
    assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V3Query)).status, 200);
    let answer = gateway.ask(&Caller::terway().attach(Shape::V3Query));
    unavailable(&answer, "the outcome is unknown", "closed after the second request");
    thread::sleep(Duration::from_millis(50));
    assert_eq!((upstream.requests().len(), upstream.connections()), (2, 1));
}

#[test]
fn the_outcome_is_logged_even_if_the_caller_hangs_up() {
    let upstream = FakeUpstream::behaving(Behaviour::Late(Duration::from_millis(200), success()));
    let gateway = TestGateway::before(&upstream.url());
    let mut stream = connect(gateway.address);
    stream.write_all(&Caller::terway().attach(Shape::V1Query)).unwrap();
    wait_for("the call is sent", || upstream.requests().len() == 1);
    drop(stream);
    wait_for("the outcome", || gateway.events().len() == 2);
    let outcome = gateway.last_event();
    assert_eq!(outcome["additionalEventData"]["gateway"]["stage"], "Outcome");
    assert_eq!(outcome["additionalEventData"]["gateway"]["httpStatus"], 200);
}

#[test]
fn a_call_in_progress_is_answered_while_the_gateway_drains() {
    let upstream = FakeUpstream::behaving(Behaviour::Late(Duration::from_millis(300), success()));
    let gateway = TestGateway::before(&upstream.url());
    let address = gateway.address;
    let mut idle = connect(address);
    let call = thread::spawn(move || crate::support::exchange(address, &Caller::terway().attach(Shape::V1Query)));
    wait_for("the call is sent", || upstream.requests().len() == 1);
    gateway.shutdown.cancel();
    wait_for("the listener to close", || TcpStream::connect(address).is_err());
    let answer = call.join().unwrap();
    assert_eq!((answer.status, answer.closed), (200, true), "{answer:?}");
    assert_eq!(gateway.last_event()["additionalEventData"]["gateway"]["stage"], "Outcome");
    let _ = idle.write_all(&Caller::terway().attach(Shape::V1Query));
    let late = read_answer(&mut idle);
    assert!(late.is_none_or(|answer| answer.closed), "no connection outlives the drain");
}

/// The only slot is held by a caller that does not read its answer. The next caller gets it after `call_timeout`.
#[test]
fn a_caller_that_does_not_read_its_answer_loses_its_slot() {
    let body = format!("{{\"RequestId\":\"{}\"}}", "x".repeat(6 << 20));
    let upstream = FakeUpstream::behaving(Behaviour::Answer(json(200, &body, "")));
    let mut setup = Setup { upstream: Some(upstream.url()), ..Setup::default() };
    setup.settings.limits.connections = 1;
    setup.settings.limits.call_timeout = Duration::from_millis(500);
    let gateway = TestGateway::start(setup);
    let mut stalled = connect(gateway.address);
    stalled.write_all(&Caller::terway().attach(Shape::V3Query)).unwrap();
    wait_for("the first call is forwarded", || upstream.requests().len() == 1);
    // Until the gateway abandons the stalled answer, there is no slot, and newcomers are turned away.
    let deadline = Instant::now() + Duration::from_secs(20);
    let answer = loop {
        let mut stream = connect(gateway.address);
        let sent = stream.write_all(&Caller::bob().attach(Shape::V3Query));
        match sent.ok().and_then(|()| read_answer(&mut stream)) {
            Some(answer) => break answer,
            None => assert!(Instant::now() < deadline, "the stalled caller keeps its slot"),
        }
    };
    assert_eq!((answer.status, answer.code().as_str()), (403, "Forbidden.SubUser"));
    drop(stalled);
}

#[test]
fn the_certificate_of_a_tls_upstream_is_verified() {
    let (upstream, certificate) = FakeUpstream::tls();
    let setup = |roots| Setup { upstream: Some(upstream.url()), upstream_roots: Some(roots), ..Setup::default() };
    let gateway = TestGateway::start(setup(certificate));
    assert_eq!(gateway.ask(&Caller::terway().attach(Shape::V3Query)).status, 200);
    assert_eq!(header(&upstream.requests()[0], "host"), upstream.address.to_string());

    let (_, of_another) = FakeUpstream::tls();
    let distrusting = TestGateway::start(setup(of_another));
    let answer = distrusting.ask(&Caller::terway().attach(Shape::V3Query));
    unavailable(&answer, "nothing was sent", "an untrusted certificate");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn the_hosts_that_a_caller_names_do_not_change_where_a_call_is_sent() {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    let mut caller = Caller::terway();
    for host in ["ecs.cn-hangzhou.aliyuncs.com", "evil.test", "127.0.0.1:1"] {
        caller.host = host.to_owned();
        let target = format!("http://{host}/?{}", caller.v1_query(Method::Post, &attach_parameters()));
        let answer = gateway.ask(&caller.raw("POST", &target, &[], ""));
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
        let sent = upstream.requests().pop().unwrap();
        assert!(!sent.contains(host) && sent.starts_with("POST /?"), "{sent}");
    }
    assert_eq!(upstream.requests().len(), 3);
}

fn unavailable(answer: &Answer, message: &str, case: &str) {
    crate::support::envelope::check(answer, "JSON", case);
    assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{case}: {answer:?}");
    assert!(answer.message().contains(message), "{case}: {answer:?}");
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let mut lines = request.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).unwrap_or_else(|| panic!("no {name}: {request}")).1
}
