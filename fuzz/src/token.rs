//! Tokens and sealed keys: everything that an unauthenticated caller can send in their place.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ram_policy::{Case, Document, Glob, Principal, Source};
use ramgate::identity::{
    FixedKeys, Grant, Issuer, IssuerKeyRing, NotBefore, SecurityTokenError, SignedIdentity, TokenIssuer, TokenKeys,
    TokenMapping, VerifiedToken, parse_timestamp, verify_token,
};
use ramgate::ram::{Origin, Session, SessionName};
use serde_json::Value;

/// 2026-01-01T00:00:00Z, when the seeds are valid.
const NOW: i64 = 1_767_225_600;
/// The public halves of the keys that signed the seeds. The private halves were not kept.
const KEYS: &str = include_str!("key_set.json");
/// The key that sealed the seeds, used for nothing else.
const ISSUER_KEY: &str = "\
[[key]]
id = \"fuzz\"
from = \"2020-01-01T00:00:00Z\"
secret = \"ZnV6enpmdXp6emZ1enp6ZnV6enpmdXp6emZ1enp6ZnU=\"
";

/// Signs the tokens that are given as header and claims: any of them can be one that the issuer made.
static SIGNER: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());

static TOKEN_ISSUERS: LazyLock<[TokenIssuer; 1]> = LazyLock::new(|| {
    let mut keys: Value = serde_json::from_str(KEYS).unwrap();
    let x = BASE64_URL_SAFE_NO_PAD.encode(SIGNER.public_key());
    let signer = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "ed", "use": "sig"});
    keys["keys"].as_array_mut().unwrap().push(signer);
    [issuer(&keys.to_string())]
});
static STRANGERS: LazyLock<[TokenIssuer; 1]> = LazyLock::new(|| {
    // The same issuer and ids, and keys that signed none of the seeds.
    let keys = include_str!("other_key_set.json");
    [issuer(keys)]
});

fn issuer(keys: &str) -> TokenIssuer {
    let account = "1234567890123456".parse().unwrap();
    let any = |pattern: &str| Glob::new(pattern, Case::Sensitive);
    TokenIssuer {
        issuer: "https://issuer.example".into(),
        provider: None,
        audience: vec!["ramgate".to_owned()],
        algorithms: ["ES256", "RS256", "EdDSA"].map(|name| name.parse().unwrap()).to_vec(),
        not_before: NotBefore::Required,
        leeway: Duration::from_secs(60),
        principals: vec![TokenMapping {
            subject: any("system:*"),
            claims: BTreeMap::from([("/kubernetes.io/namespace".to_owned(), any("kube-*"))]),
            principal: Principal::new(account, "role/terway".parse().unwrap()),
        }],
        keys: Box::new(FixedKeys(Arc::new(TokenKeys::read(keys).unwrap()))),
    }
}

/// Only tokens signed with one of the issuer's keys are accepted, and the claims of an accepted token satisfy every
/// requirement. The input is a token, or a header, a line feed and claims, which are signed here.
pub(crate) fn jwt(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let made = text.split_once('\n').map(|(header, claims)| {
        let message = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(SIGNER.sign(message.as_bytes()));
        format!("{message}.{signature}")
    });
    let token = made.as_deref().unwrap_or(text);
    let now = Timestamp::from_second(NOW).unwrap();
    assert!(verify_token(&*STRANGERS, token, now).is_err(), "signed by none of these keys");
    if let Ok((verified, issuer)) = verify_token(&*TOKEN_ISSUERS, token, now) {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let [head, body] = [header, claims].map(|part| {
            let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("an accepted token is base64url");
            serde_json::from_slice::<Value>(&json).expect("an accepted token holds JSON")
        });
        header_holds(&head);
        claims_hold(&body, &verified);
        let namespace = body["kubernetes.io"]["namespace"].as_str().unwrap_or_default();
        let known = verified.subject.starts_with("system:") && namespace.starts_with("kube-");
        assert_eq!(issuer.principal(&verified).is_ok(), known);
        // A signature is over every byte of the other two parts.
        for changed in [format!("{header}.{claims}A.{signature}"), format!("{header}A.{claims}.{signature}")] {
            assert!(verify_token(&*TOKEN_ISSUERS, &changed, now).is_err());
        }
    }
}

/// The key that the header names has that algorithm, and nothing in it brings a key along or changes what it means.
fn header_holds(header: &Value) {
    let algorithm =
        [("ec", "ES256"), ("rsa", "RS256"), ("ed", "EdDSA")].into_iter().find(|(kid, _)| header["kid"] == *kid);
    assert_eq!(algorithm.map(|(_, algorithm)| algorithm), header["alg"].as_str());
    for name in ["jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip"] {
        assert!(header.get(name).is_none(), "`{name}` is not understood");
    }
    let kind = header["typ"].as_str().unwrap_or("JWT").to_ascii_lowercase();
    assert!(["jwt", "at+jwt", "application/at+jwt"].contains(&kind.as_str()), "{kind}");
}

/// RFC 7519, 4.1, with the leeway that the issuer is given.
fn claims_hold(claims: &Value, verified: &VerifiedToken) {
    const LEEWAY: i64 = 60;
    let time = |name: &str| claims.get(name).map(|it| it.as_f64().expect("a time is a number").floor() as i64);
    assert_eq!(claims["iss"], "https://issuer.example");
    let audience = &claims["aud"];
    assert!(audience == "ramgate" || audience.as_array().is_some_and(|all| all.contains(&"ramgate".into())));
    assert!(verified.audiences.iter().any(|audience| audience == "ramgate"));
    let expires = time("exp").expect("a token ends");
    assert_eq!(verified.expires.as_second(), expires);
    assert!(NOW - LEEWAY < expires, "an expired token is not believed");
    assert!(time("nbf").expect("a token begins") <= NOW + LEEWAY, "a token is not believed before its time");
    assert!(time("iat").unwrap_or(NOW) <= NOW + LEEWAY, "a token of the future");
    assert_eq!(verified.issued.map(Timestamp::as_second), time("iat"));
    assert_eq!(claims["sub"], verified.subject);
    assert!((1..=255).contains(&verified.subject.len()) && !verified.subject.chars().any(char::is_control));
}

/// An accepted key set contains no secret key.
pub(crate) fn key_set(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(keys) = TokenKeys::read(text) {
        let value: Value = serde_json::from_str(text).expect("an accepted set is JSON");
        let all = value["keys"].as_array().expect("an accepted set has keys");
        assert!(!keys.is_empty() && keys.len() <= all.len() && all.len() <= 64);
        for key in all {
            assert!(key["kty"] != "oct", "a symmetric key does not belong into a set");
            for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(key.get(secret).is_none(), "a secret does not belong into a set: `{secret}`");
            }
        }
    }
}

fn sealed_issuer(id: &str) -> Issuer {
    let text = ISSUER_KEY.replace("fuzz\"", &format!("{id}\""));
    Issuer::new(IssuerKeyRing::read(&Source::new("issuer.key", text)).unwrap())
}

/// A token opens only with the key that sealed it, and only beside the key id that it was made for; and what is sealed
/// is what is opened. The input is a key id, a line feed, and a token or what is to be sealed: a session's name, a letter
/// for its origin, two texts about it and a policy, a line each.
pub(crate) fn sealed_token(data: &[u8]) {
    static OURS: LazyLock<Issuer> = LazyLock::new(|| sealed_issuer("fuzz"));
    static OTHER: LazyLock<Issuer> = LazyLock::new(|| {
        let text = ISSUER_KEY.replace("ZnV6", "Zm9v");
        Issuer::new(IssuerKeyRing::read(&Source::new("issuer.key", text)).unwrap())
    });
    let Ok(text) = str::from_utf8(data) else { return };
    let (id, token) = text.split_once('\n').unwrap_or(("", text));
    if Issuer::is_ours(token) || !token.contains('\n') {
        opens_for_one(&OURS, &OTHER, id, token);
    } else if let Some(grant) = grant(id, token) {
        let issued = OURS.issue(&grant, Timestamp::from_second(NOW).unwrap()).expect("a key is in force");
        let token = issued.security_token.expose();
        opens_for_one(&OURS, &OTHER, id, token);
        let policy = grant.policy.as_deref().map(|text| Document::parse("session", &Source::new("Policy", text)));
        match OURS.open(id, token) {
            Ok(opened) => {
                let session = Session { narrowed_by: opened.session.narrowed_by.clone(), ..grant.session.clone() };
                assert_eq!((&opened.principal, &*opened.session), (&grant.principal, &session));
                assert_eq!(
                    (opened.policy.is_some(), session.narrowed_by.is_some()),
                    (policy.is_some(), policy.is_some())
                );
            }
            Err(fault) => {
                assert!(fault == SecurityTokenError::Malformed && policy.is_some_and(|it| it.is_err()), "{fault}");
            }
        }
    }
}

fn opens_for_one(ours: &Issuer, other: &Issuer, id: &str, token: &str) {
    assert!(other.open(id, token).is_err(), "sealed by another key");
    if let Ok(opened) = ours.open(id, token) {
        assert_eq!(opened.session.key.as_str(), id, "a token belongs to one key id");
        assert!(ours.open("STS.another", token).is_err());
        assert!(ours.open(id, &format!("{token}A")).is_err(), "a token has one spelling");
        let (before, last) = token.split_at(token.len() - 1);
        for other in ["A", "B", "Q", "g", "w", "_", "="].into_iter().filter(|other| *other != last) {
            assert!(ours.open(id, &format!("{before}{other}")).is_err(), "a token has one spelling");
        }
    }
}

/// `None` if the texts do not describe a key that would be issued.
fn grant(id: &str, text: &str) -> Option<Grant> {
    let mut lines = text.splitn(5, '\n');
    let name = SessionName::from_lossy(lines.next()?);
    let kind = lines.next()?;
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let origin = match kind {
        "t" => Origin::Token { issuer: first.into(), subject: second.into() },
        "a" => Origin::AccessKey { id: first.parse().ok()?, arn: second.into() },
        "n" => Origin::Address(first.parse().ok()?),
        "i" => Origin::CallerIdentity(first.into()),
        _ => Origin::Certificate(first.into()),
    };
    let expires = Timestamp::from_second(NOW + 3600).unwrap();
    let session = Session { name, key: id.parse().ok()?, expires, origin, narrowed_by: None };
    let principal = Principal::new("1234567890123456".parse().unwrap(), "role/terway".parse().unwrap());
    // The bound of a token is above whatever a call can be granted: a session policy has 2,048 characters.
    let texts = first.len() + second.len();
    let policy = lines.next().map(str::to_owned);
    (texts <= 2048 && policy.as_ref().is_none_or(|it| it.len() <= 2048)).then_some(Grant { principal, session, policy })
}

/// What is read can go into the headers of one request, in one spelling, and is written the same way. The input is what
/// a caller sends, or the JSON that it stands for.
pub(crate) fn caller_identity(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let made = text.starts_with('{').then(|| BASE64_URL_SAFE_NO_PAD.encode(text));
    let text = made.as_deref().unwrap_or(text);
    if let Ok(read) = SignedIdentity::read(text) {
        let json = BASE64_URL_SAFE_NO_PAD.decode(text).expect("what is read is base64url");
        let written: Value = serde_json::from_slice(&json).expect("what is read is JSON");
        assert_eq!(written["AccessKeyId"], read.access_key_id().as_str());
        assert_eq!(written["Date"], read.date());
        assert!(parse_timestamp(read.date()).is_some());
        assert_eq!(written["Signature"], read.signature());
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(read.signature().len() == 64 && read.signature().bytes().all(digit), "one spelling of a signature");
        let headers = read.headers();
        let token = written["SecurityToken"].as_str().unwrap_or_default();
        let sent = headers.iter().find(|(name, _)| *name == "x-acs-security-token");
        assert_eq!(sent.map_or("", |(_, value)| value), token);
        for (name, value) in &headers {
            let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ' && *name == "authorization";
            assert!(value.bytes().all(plain), "`{name}` is one header: {value:?}");
        }
        let again = read.to_text();
        let second = SignedIdentity::read(&again).expect("what was written is read");
        assert_eq!(again, second.to_text());
    }
}
