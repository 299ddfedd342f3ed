//! Errors of ECS about the gateway's key, in every form, and errors about the call.

use super::setting::{ALL, Ecs, FIXED, Gateway, is_unavailable};
use crate::support::caller::{SHAPES, Shape};
use crate::support::upstream::{REQUEST_ID, json, success};

const NOT_ACCEPTED: &str = "does not accept the gateway's own credential, so the call was not carried out";
const NOT_PERMITTED: &str = "lacks a permission at the upstream, so the call was not carried out";
const REFUSES_KEY: &str = "the upstream refuses the gateway's own key";
const REFUSES_CALL: &str = "the upstream refuses a call signed with the gateway's own key";

pub(crate) fn xml(status: u16, code: &str, message: &str) -> Vec<u8> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><RequestId>{REQUEST_ID}</RequestId>\
         <HostId>ecs.aliyuncs.com</HostId><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Type: text/xml;charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[test]
fn a_key_that_ecs_does_not_accept_is_answered_503_and_reported_to_the_operator() {
    let cases = [
        (404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.", "create one"),
        (403, "Forbidden.AccessKeyDisabled", "The Access Key is disabled.", "enable it in the RAM console"),
        (400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.", "enable it in the RAM console"),
        (
            400,
            "SignatureDoesNotMatch",
            "Specified signature does not match our calculation.",
            "compare `access_key_id`",
        ),
        (400, "incompletesignature", "The request signature does not conform to standards.", "compare `access_key_id`"),
        (400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", "synchronize it"),
        (400, "IllegalTimestamp", "The input parameter \"Timestamp\" is not supplied.", "synchronize it"),
        (400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.", "use `instance_role`"),
        (
            400,
            "InvalidParameter",
            "The specified parameter \"SecurityToken.Expired\" is not valid.",
            "use `instance_role`",
        ),
        (403, "Abs.InvalidAccount.NotFound", "The Account is not found or ak is expired.", "enable it"),
    ];
    for (status, code, message, remedy) in cases {
        let ecs = Ecs::start();
        let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
        assert_eq!(gateway.ready(), (200, "ready\n".to_owned()));
        for shape in [Shape::V1Query, Shape::V3Query, Shape::V3Form] {
            ecs.refuses(status, code, message);
            is_unavailable(&gateway.attach(shape), NOT_ACCEPTED, code);
            ecs.answers(xml(status, code, message));
            is_unavailable(&gateway.attach(shape), NOT_ACCEPTED, code);
        }
        let event = gateway.outcome();
        assert_eq!((&event["errorCode"], &event["errorMessage"]), (&code.into(), &message.into()), "{event}");
        assert_eq!(event["requestId"], REQUEST_ID, "{event}");
        let logged = &event["additionalEventData"]["gateway"];
        assert_eq!((&logged["stage"], &logged["httpStatus"]), (&"Outcome".into(), &503.into()), "{event}");
        assert_eq!(logged["upstream"]["status"], status, "{event}");
        assert!(logged["reason"].as_str().unwrap().contains(REFUSES_KEY), "{event}");

        let line = gateway.logs_once("ERROR", REFUSES_KEY);
        for word in [remedy, &status.to_string(), REQUEST_ID, "LTAI"] {
            assert!(line.contains(word), "no `{word}`: {line}");
        }
        assert!(!line.contains("LTAI5tGatewayItself0"), "{line}");
        let (ready, text) = gateway.ready();
        assert_eq!(ready, 200);
        assert!(text.starts_with("degraded: ") && text.contains("1234567890123456"), "{text}");
        gateway.counts("ramgate_upstream_keys_refused 1");
        gateway.counts("ramgate_answers_total{status=\"503\",code=\"ServiceUnavailable\"} 6");

        ecs.answers(success());
        assert_eq!(gateway.attach(Shape::V3Query).status, 200, "{code}");
        assert_eq!(gateway.ready(), (200, "ready\n".to_owned()), "{code}");
        gateway.logs_once("INFO", "accepts the gateway's own key again");
        gateway.counts("ramgate_upstream_keys_refused 0");
    }
}

#[test]
fn a_missing_permission_of_the_gateways_user_does_not_degrade_the_upstream() {
    let ecs = Ecs::start();
    let more = "[operations]\nother = \"evaluate\"";
    let gateway = Gateway::start(&ecs.server.url(), FIXED, more, ALL);
    let cases = [
        (
            403,
            "Forbidden.RAM",
            "User not authorized to operate on the specified resource: acs:ram::1:user/gateway-user",
        ),
        (400, "Forbidden.RAM", "User not authorized."),
        (403, "forbidden.subuser", "User not authorized."),
        (403, "Forbidden", "You are not authorized."),
        (403, "NoPermission", "You are not authorized to do this action."),
        (403, "Forbidden.NotSupportRAM", "This action does not support accessed by RAM mode."),
        (403, "SomethingNew", "With a detail about the signer."),
    ];
    for (status, code, message) in cases {
        ecs.refuses(status, code, message);
        for _ in 0..3 {
            is_unavailable(&gateway.attach(Shape::V1Query), NOT_PERMITTED, code);
        }
        let event = gateway.outcome();
        assert_eq!((&event["errorCode"], &event["requestId"]), (&code.into(), &REQUEST_ID.into()), "{event}");
        assert_eq!(gateway.ready(), (200, "ready\n".to_owned()), "{code}");
    }
    let line = gateway.logs_once("ERROR", REFUSES_CALL);
    assert!(line.contains("ecs:AttachNetworkInterface") && line.contains("grant it"), "{line}");
    gateway.counts("ramgate_upstream_key_refusals_total{class=\"permission\",code=\"NoPermission\"} 3");
    gateway.counts("ramgate_upstream_answers_total{status=\"400\",code=\"Forbidden.RAM\"} 3");
    gateway.counts("ramgate_upstream_keys_refused 0");

    let region = [("RegionId", "cn-hangzhou")];
    is_unavailable(&gateway.call("StopInstance", &region), NOT_PERMITTED, "an operation without a file");
    is_unavailable(&gateway.call("StopInstance", &region), NOT_PERMITTED, "again");
    is_unavailable(
        &gateway.call("DeleteNetworkInterface", &[region[0], ("NetworkInterfaceId", "eni-a")]),
        NOT_PERMITTED,
        "",
    );
    for action in ["ecs:StopInstance", "ecs:DeleteNetworkInterface"] {
        gateway.logs_once("ERROR", action);
    }
}

#[test]
fn an_error_about_the_call_is_returned_to_the_caller() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    for (status, code, message) in [
        (404, "InvalidInstanceID.NotFound", "The specified InstanceId does not exist."),
        (404, "Forbidden.InstanceNotFound", "The instance does not exist."),
        (403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation."),
        (400, "InvalidParameter", "The specified parameter \"InstanceId\" is not valid: SecurityToken."),
        (400, "MissingParameter", "The input parameter \"InstanceId\" that is mandatory is not supplied."),
        (400, "Forbidden.RegionId", "The region is not open."),
        (400, "Throttling.User", "Request was denied due to user flow control."),
        (429, "Throttling", "Request was denied due to flow control."),
        (500, "InternalError", "The request processing has failed due to some unknown error."),
        (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
    ] {
        for shape in SHAPES {
            let body = format!(
                "{{\"Code\":\"{code}\",\"Message\":{},\"RequestId\":\"{REQUEST_ID}\"}}",
                serde_json::json!(message)
            );
            ecs.answers(json(status, &body, ""));
            let answer = gateway.attach(shape);
            assert_eq!((answer.status, answer.body.as_str()), (status, body.as_str()), "{code}");
            assert_eq!(answer.header("x-acs-request-id"), Some(REQUEST_ID));
        }
        let count = SHAPES.len();
        gateway.counts(&format!("ramgate_upstream_answers_total{{status=\"{status}\",code=\"{code}\"}} {count}"));
    }
    assert_eq!(gateway.ready(), (200, "ready\n".to_owned()));
    assert!(gateway.logged("ERROR").is_empty(), "{}", gateway.server.stderr());
}

#[test]
fn an_error_that_cannot_be_read_is_not_passed_on() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    let html = |status: u16, reason: &str| {
        let body = format!("<html><body><h1>{reason}</h1><p>LTAI5tGatewayItself0</p></body></html>");
        let length = body.len();
        format!("HTTP/1.1 {status} {reason}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}")
            .into_bytes()
    };
    for (status, message) in [(401, "status 401 without a code"), (403, "status 403"), (502, "the outcome is unknown")]
    {
        ecs.answers(html(status, "Refused"));
        is_unavailable(&gateway.attach(Shape::V3Query), message, "HTML");
    }
    let packed = b"HTTP/1.1 403 X\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00".to_vec();
    ecs.answers(packed);
    is_unavailable(&gateway.attach(Shape::V3Query), "status 403 without a code", "gzip");
    ecs.answers(json(403, "", ""));
    is_unavailable(&gateway.attach(Shape::V3Query), "status 403 without a code", "empty");
    let sent = ecs.server.requests().pop().unwrap();
    assert!(sent.to_ascii_lowercase().contains("accept-encoding: identity\r\n"), "{sent}");
    assert_eq!(gateway.ready(), (200, "ready\n".to_owned()));
    gateway.counts("ramgate_upstream_answers_total{status=\"403\",code=\"unreadable\"} 3");
    gateway.counts("ramgate_upstream_answers_total{status=\"502\",code=\"unreadable\"} 1");

    let filler = "x".repeat(200_000);
    let large = format!("{{\"Filler\":\"{filler}\",\"Code\":\"InvalidAccessKeyId.NotFound\",\"Message\":\"m\"}}");
    ecs.answers(json(404, &large, ""));
    is_unavailable(&gateway.attach(Shape::V3Query), NOT_ACCEPTED, "larger than any real error");
    assert!(gateway.ready().1.starts_with("degraded: "));
}

#[test]
fn a_request_that_was_repeated_in_transit_is_reported() {
    let ecs = Ecs::start();
    let gateway = Gateway::start(&ecs.server.url(), FIXED, "", ALL);
    ecs.refuses(400, "SignatureNonceUsed", "The request signature nonce has been used.");
    for _ in 0..3 {
        is_unavailable(&gateway.attach(Shape::V3Query), "whether it was carried out is not known", "repeated");
    }
    let line = gateway.logs_once("ERROR", REFUSES_CALL);
    assert!(line.contains("turn retries off"), "{line}");
    assert_eq!(gateway.ready(), (200, "ready\n".to_owned()));
    assert_eq!(gateway.outcome()["errorCode"], "SignatureNonceUsed");
}
