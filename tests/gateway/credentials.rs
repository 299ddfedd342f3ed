//! No credential is ever logged, wherever a caller puts it (`docs/spec/ecs-eni.md` C.4).

use crate::support::caller::{FORM, Shape, raw};
use crate::support::refusals::{DIALECTS, KEYS, refusals, tampered, with};
use crate::support::{Caller, Setup, TestGateway};

#[test]
fn no_credential_is_ever_logged() {
    const CREDENTIALS: [&str; 6] =
        ["CAIStoken", "c2lnbmF0dXJl", "deadbeefdeadbeef", "demo-secret", "LTAI5tDemoTerway0000", "eyJhbGciOi"];
    let gateway = TestGateway::start(Setup { keyring: KEYS.to_owned(), ..Setup::default() });
    for dialect in DIALECTS {
        refusals(dialect).iter().for_each(|refused| drop(gateway.ask(&refused.request)));
    }
    for request in hostile() {
        let answer = gateway.ask(&request);
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    for event in gateway.events() {
        let text = event.to_string();
        let found = CREDENTIALS.iter().find(|credential| text.contains(**credential));
        assert_eq!(found, None, "{text}");
        for name in ["\"Signature\"", "\"SecurityToken\"", "\"Authorization\"", "\"AccessKeyId\"", "Credential="] {
            assert!(!text.contains(name), "{name} in {text}");
        }
        assert!(text.len() < 16_384, "text from callers is truncated: {} bytes", text.len());
    }
}

/// Credentials where they do not belong, or in a request that cannot be read.
fn hostile() -> Vec<Vec<u8>> {
    let all = "Signature=c2lnbmF0dXJl&SecurityToken=CAIStoken&AccessKeyId=LTAI5tDemoTerway0000";
    let host = ("Host", "a");
    let post = |target: &str| raw("POST", target, &[host], "");
    let authorization =
        "ACS3-HMAC-SHA256 Credential=LTAI5tDemoTerway0000,SignedHeaders=host,Signature=deadbeefdeadbeef";
    let good = Caller::terway().attach(Shape::V1Query);
    let more = |piece: &str| tampered(&good, " HTTP/1.1", &format!("&{piece} HTTP/1.1"));
    let signed = |name: &str| Caller::terway().request(Shape::V1Query, &with(&[(name, "CAIStoken")]));
    vec![
        post(&format!("/?{all}")),
        post(&format!("//?{all}")),
        post(&format!("/x?{all}")),
        post(&format!("/?{all}#CAIStoken")),
        post(&format!("/#{all}")),
        raw("PUT", &format!("/?{all}"), &[host], ""),
        raw("POST", "/", &[host, FORM], &format!("{all}&{all}")),
        raw("POST", "/", &[host, ("Content-Type", "application/json")], "{\"SecurityToken\":\"CAIStoken\"}"),
        more("SecurityToken=%ffCAIStoken"),
        more("SecurityToken=CAIStoken%0a"),
        more("SecurityToken=%zzCAIStoken"),
        more("SecurityToken=\"CAIStoken\"%"),
        more("BearerToken=eyJhbGciOi"),
        more("Signature=c2lnbmF0dXJl"),
        signed("securitytoken"),
        signed("SecurityToken.1"),
        signed("security_token"),
        signed("AccessKeySecret"),
        signed("x-acs-security-token"),
        raw("POST", "/", &[host, ("Authorization", authorization)], ""),
        raw("POST", "/", &[host, ("Authorization", authorization), ("Authorization", authorization)], ""),
        raw("POST", "/", &[host, ("Authorization", "Bearer eyJhbGciOi")], ""),
        raw("POST", "/", &[host, ("x-acs-bearer-token", "eyJhbGciOi")], ""),
        tampered(&good, "\r\n\r\n", "\r\nx-acs-security-token: CAIStoken\r\n\r\n"),
        tampered(&good, "\r\n\r\n", "\r\nx-acs-accesskey-id: CAIStoken\r\n\r\n"),
        more(&format!("Colour={}", "x".repeat(9000))),
        more(&format!("{}=1", "x".repeat(9000))),
    ]
}
