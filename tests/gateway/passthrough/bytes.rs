//! A passed-on call arrives as it was sent.

use ramgate::testing::wire::percent_encoded;

use super::door::{LISTED, bench, listed, terway};
use super::received::Received;
use crate::support::caller::{FORM, SHAPES, Shape, attach_parameters, encode};
use crate::support::crafted::{chunked, replaced, with_lines};
use crate::support::upstream::{Behaviour, json};
use crate::support::{ACCOUNT, Caller, FakeUpstream, Setup, TestGateway, V1, V3};

/// Method, target and body of a request as it was sent.
fn parts(request: &[u8]) -> (String, String, String) {
    let Received { method, target, body, .. } = Received::read(std::str::from_utf8(request).unwrap());
    (method, target, body)
}

#[test]
fn every_shape_arrives_as_it_was_sent_and_verifies_there() {
    let bench = bench();
    for shape in SHAPES {
        let label = format!("{shape:?}");
        let request = terway().attach(shape);
        let received = Received::of(&bench, &label, &request);
        let (method, target, body) = parts(&request);
        assert_eq!((&received.method, &received.target, &received.body), (&method, &target, &body), "{label}");
        received.verifies(&label, &terway().credential());
        let v3 = matches!(shape, Shape::V3Query | Shape::V3Form);
        let upstream = bench.upstream.address.to_string();
        assert_eq!(received.header("host"), if v3 { LISTED[0] } else { &upstream }, "{label}");
        assert_eq!(received.header("authorization").is_empty(), !v3, "{label}");
    }
}

/// A V1 signature does not cover the host.
#[test]
fn a_v1_call_is_passed_on_under_any_host_name() {
    let bench = bench();
    for name in ["gateway.test", "127.0.0.1:8620", "ecs.cn-hangzhou.aliyuncs.com", "ecs.aliyuncs.com", "[::1]:8620"] {
        let mut caller = Caller::terway();
        name.clone_into(&mut caller.host);
        for shape in [Shape::V1Query, Shape::V1Split] {
            let received = Received::of(&bench, name, &caller.attach(shape));
            received.verifies(name, &caller.credential());
            assert_eq!(received.header("host"), bench.upstream.address.to_string());
        }
    }
}

#[test]
fn a_chunked_form_arrives_whole_with_a_length() {
    let bench = bench();
    let form = encode(&attach_parameters());
    let whole = [("split", V1::split().bytes()), ("V3", V3::from(&terway(), "", &form).bytes())];
    for (label, request) in whole {
        let text = String::from_utf8(request.clone()).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(body.contains("NetworkInterfaceId="), "{text}");
        let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let in_pieces = format!("Transfer-Encoding: chunked\r\n\r\n{}", chunked(body));
        let received = Received::of(&bench, label, &replaced(&request, &length, in_pieces.as_bytes()));
        assert_eq!((received.body.as_str(), received.header("content-length")), (body, &*body.len().to_string()));
        assert_eq!(received.header("transfer-encoding"), "", "{received:?}");
        received.verifies(label, &terway().credential());
    }
}

#[test]
fn an_unusual_spelling_is_passed_on_unchanged() {
    let bench = bench();
    let odd = "NetworkInterfaceId=%65ni-bp1demopod0000000001&RegionId=cn%2dhangzhou&InstanceId=i-bp1demoworker00000001";
    let received = Received::of(&bench, "V3", &V3::from(&terway(), odd, "").bytes());
    assert_eq!(received.target, format!("/?{odd}"));
    received.verifies("V3", &terway().credential());
    let call = V1::attach().without("NetworkInterfaceId").raw("NetworkInterfaceId=%65ni-bp1demopod0000000001");
    let received = Received::of(&bench, "V1", &call.bytes());
    assert_eq!(received.target, call.target());
    received.verifies("V1", &terway().credential());
}

/// These parameters are signed but have no effect. A rebuilt call leaves them out; a passed-on call cannot.
#[test]
fn ignored_parameters_are_passed_on() {
    let bench = bench();
    let habits = [("on", "AttachNetworkInterface"), ("WaitForNetworkConfigurationReady", "true"), ("OwnerId", ACCOUNT)];
    let all = [&attach_parameters()[..], &habits].concat();
    for shape in SHAPES {
        let received = Received::of(&bench, "habits", &terway().request(shape, &all));
        for (name, value) in habits {
            let piece = format!("{name}={}", percent_encoded(value));
            assert!(received.target.contains(&piece) || received.body.contains(&piece), "{piece}: {received:?}");
        }
        received.verifies("habits", &terway().credential());
        let gateway = &bench.gateway.last_event()["additionalEventData"]["gateway"];
        assert!(gateway.get("leftOut").is_none(), "nothing was left out: {gateway}");
    }
}

#[test]
fn signed_headers_arrive_untouched() {
    let bench = bench();
    let call = V3::attach()
        .signed("host", LISTED[0])
        .signed("accept", "application/json")
        .signed("user-agent", "AlibabaCloud (linux; x86_64)  Go/1.22,  Core/0.01 ")
        .signed("x-acs-credentials-provider", "static_ak")
        .signed("x-acs-region-id", "cn-hangzhou")
        .signed("x-acs-retry-attempts", "0")
        .signed("x-sdk-client", "Go/1.22; a  b=\"c\"");
    let received = Received::of(&bench, "signed", &call.bytes());
    received.verifies("signed", &terway().credential());
    assert_eq!(received.header("user-agent"), "AlibabaCloud (linux; x86_64)  Go/1.22,  Core/0.01");
    assert_eq!(received.header("x-sdk-client"), "Go/1.22; a  b=\"c\"");
    assert_eq!(received.header("authorization"), call.authorization());
}

const UNSIGNED: &str = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=203.0.113.9\r\n\
    x-acs-source-ip: 203.0.113.9\r\nx-acs-secure-transport: true\r\nx-acs-proxy-source-ip: 203.0.113.9\r\n\
    Cookie: session=leak\r\nX-HTTP-Method-Override: DELETE\r\nReferer: leak\r\nAccept-Encoding: gzip\r\n\
    Proxy-Authorization: Basic leak\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\nX-Custom: leak\r\n\
    x-acs-trace-id: leak\r\n";

#[test]
fn no_other_header_is_passed_on() {
    let bench = bench();
    let v1 = ["accept", "content-length", "content-type", "host", "user-agent"];
    let mut v3 = [
        &v1[..],
        &[
            "authorization",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
        ],
    ]
    .concat();
    v3.sort_unstable();
    let form = encode(&attach_parameters());
    for (label, known, request) in [
        ("V1", &v1[..], V1::split().header("Accept", "*/*").header("User-Agent", "a/1").bytes()),
        ("V3", &v3, V3::from(&terway(), "", &form).unsigned("accept", "*/*").unsigned("user-agent", "a/1").bytes()),
    ] {
        let received = Received::of(&bench, label, &with_lines(&request, UNSIGNED));
        assert_eq!(received.names(), known, "{label}");
        assert_eq!(received.header("content-type"), FORM.1);
        assert_eq!((received.header("accept"), received.header("user-agent")), ("*/*", "a/1"));
        received.verifies(label, &terway().credential());
    }
}

#[test]
fn no_header_is_added() {
    let bench = bench();
    let received = Received::of(&bench, "V1", &V1::attach().get().bytes());
    assert_eq!(received.names(), ["host"]);
}

#[test]
fn an_answer_is_returned_and_no_call_is_sent_twice() {
    let body = "{\"Code\":\"IncorrectInstanceStatus\",\"Message\":\"no\",\"RequestId\":\"X\"} ";
    let error = json(403, body, "x-acs-retry-after: 9\r\n");
    for (behaviour, status, code) in [
        (Behaviour::Answer(error), 403, "IncorrectInstanceStatus"),
        (Behaviour::Close, 503, "ServiceUnavailable"),
        (Behaviour::Answer(json(302, "{}", "Location: http://127.0.0.1:1/\r\n")), 503, "ServiceUnavailable"),
    ] {
        let upstream = FakeUpstream::behaving(behaviour);
        let setup = Setup { upstream: Some(upstream.url()), ..super::door::setup() };
        let gateway = TestGateway::start(setup);
        let answer = gateway.ask(&listed(Caller::terway()).attach(Shape::V3Query));
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
        assert_eq!(upstream.requests().len(), 1);
        if status == 403 {
            assert_eq!((answer.body.as_str(), answer.header("x-acs-retry-after")), (body, Some("9")));
        }
    }
}
