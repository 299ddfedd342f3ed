//! Errors that name the gateway, under codes that are not about its key, are not passed on to callers.

use ramgate::config::Signing;

use super::refused::xml;
use super::setting::{ACCOUNT, ALL, Ecs, FIXED, Gateway, is_unavailable};
use crate::support::caller::Shape;
use crate::support::upstream::{Behaviour, REQUEST_ID, json, success};
use crate::support::{Caller, FakeUpstream, Setup, TestGateway};

const KEY: &str = "LTAI5tGatewayItself0";
const NOT_PASSED_ON: &str = "which is not passed on";
const NAMES_GATEWAY: &str = "the upstream's answer names the gateway's own identity";

fn json_error(status: u16, code: &str, message: &str) -> Vec<u8> {
    let body = serde_json::json!({ "Code": code, "Message": message, "RequestId": REQUEST_ID });
    json(status, &body.to_string(), "")
}

#[test]
fn an_error_that_names_the_gateway_is_not_passed_on_under_any_code() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    let user = format!("User acs:ram::{ACCOUNT}:user/gateway is not authorized to operate on it.");
    let cases = [
        (400, "Throttling.User", format!("Request of {KEY} was denied due to user flow control.")),
        (400, "Throttling", format!("Request was denied for AccessKeyId={KEY}.")),
        (500, "InternalError", format!("The request of {KEY} has failed due to some unknown error.")),
        (503, "ServiceUnavailable", format!("The request of %4CTAI5tGatewayItself0 has failed: {KEY}.")),
        (403, "Forbidden.ResourceNotAuthorized", user.clone()),
        (403, "OperationDenied", user.clone()),
        (403, "OperationDenied", user.replace(':', "%3A").replace("user/", "user%2F")),
        (403, "OperationDenied", format!("acs:sts::{ACCOUNT}:assumed-role/gateway/i-abc may not do this.")),
        (403, "OperationDenied", format!("acs:ram::{ACCOUNT}:role/gateway may not do this.")),
        (403, "OperationDenied", format!("acs:ram::{ACCOUNT}:root may not do this.")),
        (
            400,
            "InvalidParameter.Foo",
            format!("It is not valid. server canonicalRequest is: AccessKeyId={KEY}, Format=JSON"),
        ),
    ];
    for (status, code, message) in cases {
        let plain = format!("{{\"Code\":\"{code}\",\"Message\":\"{message}\"}}");
        let forms = [
            json_error(status, code, &message),
            xml(status, code, &message),
            json(status, &plain.replace("LTAI", "\\u004cTAI").replace('/', "\\/"), ""),
            xml(status, code, &message.replace("LTAI", "&#76;T&#x41;I").replace("acs:", "acs&#58;")),
        ];
        for answer in forms {
            ecs.answers(answer);
            is_unavailable(&gateway.attach(Shape::V3Query), NOT_PASSED_ON, &message);
            let event = gateway.outcome();
            assert_eq!(event["errorCode"], code, "{event}");
            let logged = &event["additionalEventData"]["gateway"];
            assert_eq!((&logged["httpStatus"], &logged["upstream"]["status"]), (&503.into(), &status.into()));
            assert!(logged["reason"].as_str().unwrap().contains(NOT_PASSED_ON), "{event}");
        }
        assert_eq!(gateway.ready(), (200, "ready\n".to_owned()), "{code}");
        let lines = gateway.logged(NAMES_GATEWAY);
        assert!(lines.iter().any(|line| line.contains("WARN") && line.contains(code)), "no {code}: {lines:#?}");
    }
    let log = std::fs::read_to_string(gateway.path().join("audit.jsonl")).unwrap();
    for text in [log, gateway.server.stderr()] {
        assert!(!text.contains(KEY), "{text}");
    }
    gateway.counts("ramgate_upstream_keys_refused 0");
}

#[test]
fn an_error_whose_headers_name_the_gateway_is_not_passed_on() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    let body = format!("{{\"Code\":\"Throttling.User\",\"Message\":\"m\",\"RequestId\":\"{REQUEST_ID}\"}}");
    for header in [format!("ETag: \"{KEY}\"\r\n"), format!("x-acs-trace-id: acs:ram::{ACCOUNT}:user/gateway\r\n")] {
        ecs.answers(json(400, &body, &header));
        is_unavailable(&gateway.attach(Shape::V3Query), NOT_PASSED_ON, &header);
    }
}

#[test]
fn headers_that_name_the_gateway_are_left_out_of_every_answer() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    let headers = format!(
        "x-acs-caller-uid: {ACCOUNT}\r\nx-acs-caller-type: sub\r\nX-Acs-Caller-AccessKeyId: {KEY}\r\n\
         x-acs-parent-id: {ACCOUNT}\r\nSet-Cookie: session={KEY}\r\nx-acs-retry-after: 250\r\nx-acs-trace-id: 0123\r\n\
         Access-Control-Allow-Origin: *\r\nETag: \"e\"\r\n"
    );
    let throttled = format!("{{\"Code\":\"Throttling\",\"Message\":\"m\",\"RequestId\":\"{REQUEST_ID}\"}}");
    for (status, body) in [(200, format!("{{\"RequestId\":\"{REQUEST_ID}\"}}")), (400, throttled)] {
        ecs.answers(json(status, &body, &headers));
        let answer = gateway.attach(Shape::V3Query);
        assert_eq!((answer.status, &answer.body), (status, &body));
        for name in
            ["x-acs-caller-uid", "x-acs-caller-type", "x-acs-caller-accesskeyid", "x-acs-parent-id", "set-cookie"]
        {
            assert_eq!(answer.header(name), None, "{answer:?}");
        }
        for (name, value) in [
            ("x-acs-request-id", REQUEST_ID),
            ("x-acs-retry-after", "250"),
            ("x-acs-trace-id", "0123"),
            ("access-control-allow-origin", "*"),
            ("etag", "\"e\""),
            ("content-type", "application/json;charset=utf-8"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
    }
}

#[test]
fn an_error_code_is_read_as_clients_read_it() {
    let refused = "the upstream refuses the gateway's own key";
    let referred = "InvalidAccessKeyId&#46;NotFound";
    let two = |first: &str, second: &str| format!("{first}</Code><Code>{second}");
    for code in [
        referred.to_owned(),
        "InvalidAccessKeyId&#x2e;NotFound".to_owned(),
        two("InvalidAccessKeyId.NotFound", "InvalidParameter"),
        two("InvalidParameter", "InvalidAccessKeyId.NotFound"),
        two(referred, "InvalidParameter"),
        two("InvalidAccessKeyId.NotFound", ""),
    ] {
        let ecs = Ecs::start();
        let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
        ecs.answers(xml(404, &code, "m"));
        is_unavailable(&gateway.attach(Shape::V3Query), "does not accept the gateway's own credential", &code);
        assert!(gateway.ready().1.starts_with("degraded: "), "{code}");
        gateway.logs_once("ERROR", refused);
        assert_eq!(gateway.outcome()["errorCode"], "InvalidAccessKeyId.NotFound", "{code}");
    }
}

#[test]
fn an_error_that_is_not_in_the_apis_format_is_not_passed_on() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    ecs.answers(json(404, "{\"Code\":404,\"Message\":\"m\"}", ""));
    is_unavailable(&gateway.attach(Shape::V3Query), "status 404 without a code", "a number");
    let page = "<Code>IncorrectInstanceStatus</Code><Message>m</Message>";
    for (kind, body) in [
        ("text/xml", format!("<html>{page}</html>")),
        ("text/xml", format!("<!DOCTYPE html>\n<HTML>{page}</HTML>")),
        ("text/html; charset=utf-8", format!("<div>{page}</div>")),
    ] {
        let length = body.len();
        let head = format!("HTTP/1.1 403 Forbidden\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        ecs.answers(format!("{head}{body}").into_bytes());
        is_unavailable(&gateway.attach(Shape::V3Query), "status 403 without a code", &body);
    }
    assert_eq!(gateway.ready(), (200, "ready\n".to_owned()));
}

#[test]
fn an_error_that_does_not_name_the_gateway_is_passed_on() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    for (status, code, message) in [
        (400, "Throttling", "Request was denied due to request throttling.".to_owned()),
        (400, "Throttling.User", "Request was denied due to user flow control: 100%, \"a/b\".".to_owned()),
        (404, "InvalidResource", format!("acs:ecs:cn-hangzhou:{ACCOUNT}:instance/i-a of {ACCOUNT} is not there.")),
        (400, "InvalidRole", "The role acs:ram::2222222222222222:role/other is not there.".to_owned()),
        (404, "InvalidInstanceId.NotFound", "LTAI5tGatewayOther00 is not an instance.".to_owned()),
    ] {
        ecs.answers(json_error(status, code, &message));
        let answer = gateway.attach(Shape::V3Query);
        assert_eq!((answer.status, answer.code(), answer.message()), (status, code.to_owned(), message));
    }
    ecs.answers(json(200, &format!("{{\"Creator\":\"acs:ram::{ACCOUNT}:user/gateway\"}}"), ""));
    assert_eq!(gateway.attach(Shape::V3Query).status, 200, "a successful answer is passed on");
    ecs.answers(success());
}

#[test]
fn a_call_with_the_callers_own_signature_is_answered_in_full() {
    let message = format!("User acs:ram::{ACCOUNT}:user/terway with {KEY} is not authorized.");
    let body = serde_json::json!({ "Code": "OperationDenied", "Message": message }).to_string();
    let headers = format!("x-acs-caller-uid: {ACCOUNT}\r\n");
    let upstream = FakeUpstream::behaving(Behaviour::Answer(json(403, &body, &headers)));
    let mut setup = Setup { upstream: Some(upstream.url()), ..Setup::default() };
    setup.settings.upstream.signing = Signing::PassThrough;
    setup.settings.hosts = vec![Caller::terway().host];
    let gateway = TestGateway::start(setup);
    let answer = gateway.ask(&Caller::terway().attach(Shape::V3Query));
    assert_eq!((answer.status, answer.body.as_str()), (403, body.as_str()));
    assert_eq!(answer.header("x-acs-caller-uid"), Some(ACCOUNT));
}
