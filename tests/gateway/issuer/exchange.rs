//! Exchanging a key of the real STS for one of the gateway: the call to STS, the answers that are believed, and the
//! secrets that are never passed on.

use std::fs;
use std::sync::{Arc, Mutex};

use ramgate::identity::{Secret, SignedIdentity, format_timestamp};
use serde_json::json;

use super::issuing::{Issued, Issuing, OPERATOR, now, refused};
use crate::support::caller::{FORM, encode, raw};
use crate::support::program::{close_to_others, program};
use crate::support::upstream::Behaviour;
use crate::support::{Answer, Caller, FakeUpstream, Shape};

pub const AUDIENCE: &str = "ramgate-of-the-test";

/// A fake STS. It verifies the signature with the secret of the key, and answers with the identity in `says`.
pub struct Sts {
    pub server: FakeUpstream,
    pub says: Arc<Mutex<(u16, String)>>,
}

pub fn identity(arn: &str, kind: &str) -> (u16, String) {
    let body = json!({ "AccountId": "1234567890123456", "Arn": arn, "IdentityType": kind, "PrincipalId": "x", "RequestId": "r" });
    (200, body.to_string())
}

impl Sts {
    pub fn start() -> Self {
        let says =
            Arc::new(Mutex::new(identity("acs:ram::1234567890123456:assumed-role/terway/i-node-1", "AssumedRoleUser")));
        let shared = Arc::clone(&says);
        let server = FakeUpstream::answering(move |request| {
            let (status, body) = if verifies(request) {
                shared.lock().unwrap().clone()
            } else {
                (400, json!({ "Code": "SignatureDoesNotMatch", "Message": "no" }).to_string())
            };
            Behaviour::Answer(crate::support::upstream::json(status, &body, ""))
        });
        Self { server, says }
    }

    fn gateway(&self) -> Issuing {
        Issuing::with(&format!(
            "[identity.issuer.exchange]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n",
            self.server.url()
        ))
    }
}

/// Verifies independently the only request that STS may get: `GetCallerIdentity` in V3, with the secret `of-the-node`.
fn verifies(request: &str) -> bool {
    use aws_lc_rs::{digest, hmac};
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let header = |name: &str| {
        let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")));
        line.map(|line| line.split_once(": ").unwrap().1.to_owned()).unwrap_or_default()
    };
    let target = request.split(' ').nth(1).unwrap();
    let names = "x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-version";
    let lines: String = names.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let nothing = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let canonical = format!("POST\n/\n{}\n{lines}\n{names}\n{nothing}", target.strip_prefix("/?").unwrap_or_default());
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"of-the-node");
    let tag = hex(hmac::sign(&key, format!("ACS3-HMAC-SHA256\n{hashed}").as_bytes()).as_ref());
    header("authorization") == format!("ACS3-HMAC-SHA256 Credential=STS.real,SignedHeaders={names},Signature={tag}")
        && header("x-acs-action") == "GetCallerIdentity"
        && header("x-acs-version") == "2015-04-01"
}

pub fn signed_at(seconds: i64, audience: &str) -> String {
    let date = format_timestamp(jiff::Timestamp::from_second(seconds).unwrap());
    let token = Some(Secret::new("CAIS-the-real-token"));
    SignedIdentity::sign("STS.real".parse().unwrap(), &Secret::new("of-the-node"), token, date, audience).to_text()
}

pub fn exchange(gateway: &Issuing, identity: &str, more: &[(&str, &str)]) -> Answer {
    let query = "/?Action=AssumeRoleWithCallerIdentity&Version=2015-04-01&Format=JSON";
    let form = encode(&[&[("CallerIdentity", identity)][..], more].concat());
    gateway.ask(&raw("POST", query, &[("Host", "sts.aliyuncs.com"), FORM], &form))
}

#[test]
fn a_key_of_the_real_sts_is_exchanged_for_one_of_the_gateway() {
    let sts = Sts::start();
    let gateway = sts.gateway();
    let identity = signed_at(now(), AUDIENCE);
    let answer = exchange(&gateway, &identity, &[]);
    let key = Issued::of(&answer);
    assert_eq!(answer.json()["AssumedRoleUser"]["Arn"], "acs:ram::1234567890123456:role/terway/i-node-1");
    assert_eq!(gateway.attach(&key, Shape::V3Query).status, 200);
    let session = &gateway.last_event()["additionalEventData"]["gateway"]["session"];
    assert_eq!(session["name"], "i-node-1");
    assert_eq!(session["shownBy"], "acs:ram::1234567890123456:role/terway");
    gateway.never_shows(&["CAIS-the-real-token", &identity, &key.secret]);

    // STS got only a key id, a token, a time and a signature from the caller.
    let sent = sts.server.requests();
    assert_eq!(sent.len(), 1);
    let lines: Vec<&str> = sent[0].lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines[0], format!("POST /?RamgateAudience={AUDIENCE} HTTP/1.1"));
    let mut names: Vec<String> =
        lines[1..].iter().map(|line| line.split(':').next().unwrap().to_ascii_lowercase()).collect();
    names.sort();
    let expected = [
        "accept",
        "authorization",
        "content-length",
        "host",
        "x-acs-action",
        "x-acs-content-sha256",
        "x-acs-date",
        "x-acs-security-token",
        "x-acs-version",
    ];
    assert!(names.iter().all(|name| expected.contains(&name.as_str())), "{names:?}");
}

#[test]
fn the_identity_may_be_a_user_and_may_ask_for_a_role() {
    let sts = Sts::start();
    let gateway = sts.gateway();
    *sts.says.lock().unwrap() = identity("acs:ram::1234567890123456:user/dave", "RAMUser");
    // One time for all three identities, or a second that passes meanwhile could make two of them equal.
    let at = now();
    let key = Issued::of(&exchange(&gateway, &signed_at(at, AUDIENCE), &[]));
    assert_eq!(gateway.attach(&key, Shape::V1Query).status, 200);
    let who = gateway.ask(&super::issuing::sts(key.caller(), "GetCallerIdentity").request(Shape::V1Query, &[]));
    assert_eq!(who.json()["Arn"], "acs:ram::1234567890123456:user/dave");
    // As for any caller, the user's own policies and the role's must allow it.
    let role = [("RoleArn", OPERATOR), ("RoleSessionName", "dave-1")];
    refused(&exchange(&gateway, &signed_at(at - 1, AUDIENCE), &role), 403, "NoPermission");
    *sts.says.lock().unwrap() = identity("acs:ram::1234567890123456:user/alice", "RAMUser");
    let answer = exchange(&gateway, &signed_at(at - 2, AUDIENCE), &role);
    assert_eq!(answer.json()["AssumedRoleUser"]["Arn"], "acs:ram::1234567890123456:role/operator/dave-1");
}

#[test]
fn an_identity_that_sts_does_not_confirm_gets_no_key() {
    let sts = Sts::start();
    let gateway = sts.gateway();
    let bad = "InvalidParameter.CallerIdentity";
    // Signed for another gateway, or with another secret and no token: STS refuses both.
    for identity in [
        signed_at(now(), "another-gateway"),
        SignedIdentity::sign(
            "STS.real".parse().unwrap(),
            &Secret::new("guessed"),
            None,
            format_timestamp(jiff::Timestamp::now()),
            AUDIENCE,
        )
        .to_text(),
    ] {
        let answer = exchange(&gateway, &identity, &[]);
        refused(&answer, 400, bad);
        assert!(answer.message().contains("SignatureDoesNotMatch"), "{answer:?}");
    }
    for (arn, kind) in [
        ("acs:ram::1234567890123456:root", "Account"),
        ("acs:ram::9999999999999999:assumed-role/terway/x", "AssumedRoleUser"),
        ("nonsense", "AssumedRoleUser"),
    ] {
        *sts.says.lock().unwrap() = identity(arn, kind);
        refused(&exchange(&gateway, &signed_at(now(), AUDIENCE), &[]), 400, bad);
    }
    *sts.says.lock().unwrap() = identity("acs:ram::1234567890123456:user/stranger", "RAMUser");
    refused(&exchange(&gateway, &signed_at(now(), AUDIENCE), &[]), 403, "NoPermission");
    for says in [
        (200, "<html>".to_owned()),
        (302, String::new()),
        (500, "{\"Code\":\"InternalError\"}".to_owned()),
        (200, "x".repeat(20_000)),
    ] {
        *sts.says.lock().unwrap() = says;
        refused(&exchange(&gateway, &signed_at(now() - 5, AUDIENCE), &[]), 503, "ServiceUnavailable");
    }
}

#[test]
fn an_identity_is_valid_once_and_for_fifteen_minutes() {
    let sts = Sts::start();
    let gateway = sts.gateway();
    let identity = signed_at(now(), AUDIENCE);
    Issued::of(&exchange(&gateway, &identity, &[]));
    refused(&exchange(&gateway, &identity, &[]), 400, "SignatureNonceUsed");
    let before = sts.server.requests().len();
    refused(&exchange(&gateway, &signed_at(now() - 1000, AUDIENCE), &[]), 400, "InvalidTimeStamp.Expired");
    for wrong in ["", "!", "eyJ9", "bm8", &"A".repeat(13_000)] {
        let answer = exchange(&gateway, wrong, &[]);
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(sts.server.requests().len(), before, "none of these is sent to STS");
    let without_exchange = Issuing::start();
    refused(&exchange(&without_exchange, &signed_at(now(), AUDIENCE), &[]), 400, "InvalidParameter.CallerIdentity");
}

/// Calls to STS are limited, so a request that no answer of STS could make valid is refused without one.
#[test]
fn a_request_that_cannot_succeed_is_not_sent_to_sts() {
    let sts = Sts::start();
    let gateway = sts.gateway();
    let session = ("RoleSessionName", "node-1");
    let role = |name: &str| format!("acs:ram::1234567890123456:role/{name}");
    let (absent, closed) = (role("absent"), role("closed"));
    for (at, (more, status, code)) in [
        (vec![("RoleArn", absent.as_str()), session], 403, "NoPermission"),
        (vec![("RoleArn", &closed), session], 403, "NoPermission"),
        (vec![("RoleArn", "acs:ram::x:role/y"), session], 400, "InvalidParameter.RoleArn"),
        (vec![("RoleArn", OPERATOR), ("RoleSessionName", "a b")], 400, "InvalidParameter.RoleSessionName"),
        (vec![("RoleArn", OPERATOR), session, ("DurationSeconds", "999999")], 400, "InvalidParameter.DurationSeconds"),
        (vec![("DurationSeconds", "10")], 400, "InvalidParameter.DurationSeconds"),
        (vec![("Unknown", "x")], 400, "UnsupportedParameter"),
    ]
    .into_iter()
    .enumerate()
    {
        let identity = signed_at(now() - i64::try_from(at).unwrap(), AUDIENCE);
        let answer = exchange(&gateway, &identity, &more);
        refused(&answer, status, code);
        assert!(sts.server.requests().is_empty(), "{more:?} was sent to STS");
    }
    // A session policy is read only for a verified identity: a forged one always gets the same answer.
    for policy in ["{", "{\"Version\":\"1\",\"Statement\":[]}"] {
        let forged = signed_at(now() - 60, "another-gateway");
        refused(&exchange(&gateway, &forged, &[("Policy", policy)]), 400, "InvalidParameter.CallerIdentity");
    }
    let identity = signed_at(now() - 61, AUDIENCE);
    refused(&exchange(&gateway, &identity, &[("Policy", "{")]), 400, "InvalidParameter.PolicyGrammar");
    let asked = sts.server.requests().len();
    for _ in 0..3 {
        refused(&exchange(&gateway, &identity, &[]), 400, "SignatureNonceUsed");
    }
    assert_eq!(sts.server.requests().len(), asked, "an identity that was confirmed once is not sent again");
}

/// The command signs the identity with the key in the environment.
#[test]
fn the_command_exchanges_the_key_in_the_environment() {
    let sts = Sts::start();
    let gateway = sts.gateway();
    let mut command = program(
        gateway.folder.path(),
        &[
            "key",
            "token-file",
            "--endpoint",
            &gateway.server.url(),
            "--out",
            "key.json",
            "--as",
            "json",
            "--caller-identity",
            AUDIENCE,
            "--session-name",
            "from-a-sidecar",
        ],
    );
    command
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.real")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "of-the-node")
        .env("ALIBABA_CLOUD_SECURITY_TOKEN", "CAIS-the-real-token");
    let ran = crate::support::program::finish(&mut command, "");
    assert_eq!(ran.status, 0, "{ran:?}");
    let body: serde_json::Value = serde_json::from_str(&fs::read_to_string(gateway.path("key.json")).unwrap()).unwrap();
    let key = Issued::read(&body);
    assert_eq!(gateway.attach(&key, Shape::V3Query).status, 200);
    let caller: Caller = key.caller();
    assert_eq!(caller.id, key.id);
    close_to_others(&gateway.path("key.json"));
}

/// One identity is exchanged once, however its signature is spelled.
#[test]
fn an_identity_in_another_spelling_is_the_same_identity() {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    // This STS confirms every request. Whether the real one accepts upper case is not known.
    let lenient = FakeUpstream::answering(|_| {
        let (status, body) = identity("acs:ram::1234567890123456:user/alice", "RAMUser");
        Behaviour::Answer(crate::support::upstream::json(status, &body, ""))
    });
    let gateway =
        Issuing::with(&format!("[identity.issuer.exchange]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n", lenient.url()));
    let identity = signed_at(now(), AUDIENCE);
    Issued::of(&exchange(&gateway, &identity, &[]));
    refused(&exchange(&gateway, &identity, &[]), 400, "SignatureNonceUsed");
    let mut read: serde_json::Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(&identity).unwrap()).unwrap();
    let signature = read["Signature"].as_str().unwrap().to_owned();
    read["Signature"] = signature.to_uppercase().into();
    let upper = BASE64_URL_SAFE_NO_PAD.encode(read.to_string());
    refused(&exchange(&gateway, &upper, &[]), 400, "InvalidParameter.CallerIdentity");
    // The same values in another order, and with space between them.
    read["Signature"] = signature.into();
    let spaced = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_string_pretty(&read).unwrap());
    refused(&exchange(&gateway, &spaced, &[]), 400, "SignatureNonceUsed");
}

/// STS answers slowly about the keys of one source, while another caller exchanges its key.
#[test]
fn a_slow_sts_for_one_source_does_not_block_other_sources() {
    let sts = FakeUpstream::answering(|sent| {
        let (status, body) = identity("acs:ram::1234567890123456:assumed-role/terway/i-node-1", "AssumedRoleUser");
        let answer = crate::support::upstream::json(status, &body, "");
        match sent.contains("LTAI5tForeign") {
            true => Behaviour::Late(std::time::Duration::from_secs(9), answer),
            false => Behaviour::Answer(answer),
        }
    });
    let gateway =
        Issuing::with(&format!("[identity.issuer.exchange]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n", sts.url()));
    let address = gateway.address;
    let signed = |id: &str| {
        let date = format_timestamp(jiff::Timestamp::from_second(now()).unwrap());
        SignedIdentity::sign(id.parse().unwrap(), &Secret::new("x"), None, date, AUDIENCE).to_text()
    };
    let request = |identity: &str| {
        let query = "/?Action=AssumeRoleWithCallerIdentity&Version=2015-04-01&Format=JSON";
        raw("POST", query, &[("Host", "sts.aliyuncs.com"), FORM], &encode(&[("CallerIdentity", identity)]))
    };
    for at in 0..40 {
        let request = request(&signed(&format!("LTAI5tForeign{at:03}")));
        std::thread::spawn(move || crate::support::wire::ask_from([127, 0, 0, 9], address, &request));
    }
    crate::support::wait_for("calls to STS in progress", || sts.requests().len() >= 8);
    let begun = std::time::Instant::now();
    let answer = gateway.ask(&request(&signed("LTAI5tHonest000")));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(sts.requests().len() <= 9, "{}", sts.requests().len());
}

/// An account that is not served has one budget for all of its keys and addresses.
#[test]
fn exchanges_for_an_account_that_is_not_served_are_limited() {
    let sts = FakeUpstream::answering(|_| {
        let body =
            json!({ "AccountId": "42", "Arn": "acs:ram::42:user/eve", "IdentityType": "RAMUser", "RequestId": "r" });
        Behaviour::Answer(crate::support::upstream::json(200, &body.to_string(), ""))
    });
    let more = format!("[identity.issuer.exchange]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n", sts.url());
    let gateway = Issuing::with(&format!("{more}[limits.source]\nexchanges = 3\n"));
    let mut codes = Vec::new();
    for at in 0..5_u8 {
        let date = format_timestamp(jiff::Timestamp::from_second(now() + i64::from(at)).unwrap());
        let signed = SignedIdentity::sign("LTAI5tEve".parse().unwrap(), &Secret::new("x"), None, date, AUDIENCE);
        let query = "/?Action=AssumeRoleWithCallerIdentity&Version=2015-04-01&Format=JSON";
        let form = encode(&[("CallerIdentity", signed.to_text().as_str())]);
        let request = raw("POST", query, &[("Host", "sts.aliyuncs.com"), FORM], &form);
        // Each from another address.
        codes.push(crate::support::wire::ask_from([127, 0, 0, 20 + at], gateway.address, &request).code());
    }
    assert_eq!(codes, ["NoPermission", "NoPermission", "NoPermission", "Throttling", "Throttling"]);
    assert_eq!(sts.requests().len(), 3, "STS is not asked beyond the budget");
}
