//! No secret that a caller sends, in any place, is in the audit log, in the program's log, or on its standard output.

use super::issuing::{Issuing, alice, sts};
use crate::support::caller::{FORM, SHAPES, encode, raw};
use crate::support::{Caller, ENI, INSTANCE};
use crate::tokens::made::but;

/// A secret of a caller, to be sent in places where no secret belongs.
const MARK: &str = "s3cretOfACaller";

/// Names under which clients send secrets.
const NAMES: [&str; 18] = [
    "AccessKeySecret",
    "accessKeySecret",
    "SecretAccessKey",
    "Password",
    "password",
    "passwd",
    "Token",
    "token",
    "SecurityToken",
    "securityToken",
    "SecurityToken.1",
    "security_token",
    "BearerToken",
    "OIDCToken",
    "Signature",
    "signature",
    "UserData",
    "x-acs-security-token",
];

const HEADERS: [&str; 16] = [
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "X-Api-Key",
    "X-Auth-Token",
    "X-Amz-Security-Token",
    "x-acs-security-token",
    "x-acs-bearer-token",
    "x-acs-zero-trust-idtoken",
    "x-acs-credential",
    "x-acs-accesskey-secret",
    "x-acs-signature",
    "x-acs-password",
    "Referer",
    "X-Forwarded-For",
    "Forwarded",
];

#[test]
fn no_secret_in_a_series_of_hostile_requests_is_logged_or_printed() {
    let gateway = Issuing::start();
    let mut secrets: Vec<String> = vec![MARK.to_owned(), "of-alice".to_owned(), "LTAI5tAlice".to_owned()];
    let issued = gateway.issued();
    secrets.extend([issued.id.clone(), issued.secret.clone(), issued.token.clone()]);
    let token = gateway.token();
    let expired = gateway.tokens.sign(&but(&gateway.claims(), "exp", 1.into()));
    for token in [&token, &expired] {
        secrets.push(token.clone());
        secrets.extend(token.split('.').skip(1).map(str::to_owned));
    }
    let mut asked = 0;
    let mut ask = |request: &[u8]| {
        asked += 1;
        gateway.ask(request)
    };
    for caller in callers(&issued.caller()) {
        for shape in SHAPES {
            let request = caller.attach(shape);
            secrets.extend(signatures(&request));
            ask(&request);
            for name in NAMES {
                let odd = caller.request(shape, &[("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE), (name, MARK)]);
                secrets.extend(signatures(&odd));
                ask(&odd);
            }
        }
        let identity = sts(caller, "GetCallerIdentity").attach(SHAPES[0]);
        secrets.extend(signatures(&identity));
        ask(&identity);
    }
    let host = ("Host", "gateway.test");
    for value in [
        MARK,
        &format!("Basic {MARK}"),
        &format!("Bearer {MARK}"),
        &format!("Bearer {token}"),
        &format!("Bearer {expired}"),
        &token,
    ] {
        for name in HEADERS {
            ask(&raw("POST", "/?Action=AttachNetworkInterface&Version=2014-05-26", &[host, (name, value)], ""));
        }
        for name in NAMES {
            let query = encode(&[("Action", "AttachNetworkInterface"), (name, value)]);
            ask(&raw("GET", &format!("/?{query}"), &[host], ""));
            ask(&raw("POST", "/", &[host, FORM], &query));
            ask(&raw("POST", &format!("/?{query}&{query}"), &[host], ""));
            ask(&raw("POST", &format!("/?{query}%"), &[host], ""));
            ask(&raw("POST", &format!("/?{query}#{query}"), &[host], ""));
            let form = [("RoleArn", "x"), ("OIDCToken", value), (name, value)];
            gateway.with_oidc(&form);
        }
        let line = value.replace(' ', "%20");
        for target in
            [format!("/{line}"), format!("http://user:{line}@gateway.test/"), format!("/?{line}"), format!("/#{line}")]
        {
            ask(&raw("POST", &target, &[host], ""));
        }
        let json = format!("{{\"AccessKeySecret\":\"{value}\",\"SecurityToken\":\"{value}\"}}");
        ask(&raw("POST", "/", &[host, ("Content-Type", "application/json")], &json));
        ask(&raw("POST", "/", &[host, ("Content-Type", "text/plain")], value));
    }
    assert!(asked > 500, "{asked}");
    assert!(gateway.events().len() > 100, "unauthenticated attempts may only be counted, but all others are logged");
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).filter(|secret| secret.len() > 5).collect();
    assert!(secrets.len() > 200, "{}", secrets.len());
    gateway.never_shows(&secrets);
}

/// Callers that sign with known keys, with unknown keys, and with wrong secrets.
fn callers(session: &Caller) -> Vec<Caller> {
    let with_token = |caller: Caller| Caller { token: Some(MARK.to_owned()), ..caller };
    vec![
        alice(),
        session.clone(),
        with_token(alice()),
        with_token(session.clone()),
        Caller::new("LTAI5tAlice", MARK),
        Caller::new(&session.id, MARK),
        Caller::new("LTAI5tNobodyAtAll000", MARK),
        // The key id and the secret, exchanged.
        Caller::new(MARK, "LTAI5tAlice"),
    ]
}

/// The signatures of a request, both as sent and decoded.
fn signatures(request: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(request);
    let after = |name: &str| {
        let (_, rest) = text.split_once(name)?;
        Some(rest.split(['&', ' ', '\r', '\n']).next().unwrap_or_default().to_owned())
    };
    let raw: Vec<String> = ["&Signature=", "?Signature=", ",Signature="].into_iter().filter_map(after).collect();
    let decoded = raw.iter().map(|signature| signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="));
    let decoded: Vec<String> = decoded.collect();
    [raw, decoded].concat()
}
