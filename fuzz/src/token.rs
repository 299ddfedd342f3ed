//! Tokens and sealed keys: what a stranger can send in their place.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use ramgate::identity::{
    FixedKeys, Issuer, IssuerKeyRing, NotBefore, SignedIdentity, TokenIssuer, TokenKeys, TokenMapping, verify_token,
};
use ramgate::policy::{Case, Glob};
use ramgate::ram::Principal;
use ramgate::source::Source;

/// 2026-01-01T00:00:00Z: the seeds are good then.
const NOW: i64 = 1_767_225_600;
/// The public halves of keys that signed the seeds; the private halves are kept nowhere.
const KEYS: &str = include_str!("key_set.json");
/// What sealed the seeds, and nothing else.
const ISSUER_KEY: &str = "\
[[key]]
id = \"fuzz\"
from = \"2020-01-01T00:00:00Z\"
secret = \"ZnV6enpmdXp6emZ1enp6ZnV6enpmdXp6emZ1enp6ZnU=\"
";

static TOKEN_ISSUERS: LazyLock<[TokenIssuer; 1]> = LazyLock::new(|| [issuer(KEYS)]);
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
        algorithms: ["ES256", "RS256"].map(|name| name.parse().unwrap()).to_vec(),
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

/// No token is believed that none of the issuer's keys signed, and a believed one is within its time.
pub(crate) fn jwt(data: &[u8]) {
    let Ok(token) = str::from_utf8(data) else { return };
    let now = Timestamp::from_second(NOW).unwrap();
    assert!(verify_token(&*STRANGERS, token, now).is_err(), "signed by none of these keys");
    if let Ok((verified, issuer)) = verify_token(&*TOKEN_ISSUERS, token, now) {
        assert!(verified.expires.as_second() + 60 > NOW, "an expired token is not believed");
        assert!(verified.audiences.iter().any(|audience| audience == "ramgate"));
        let _ = issuer.principal(&verified);
        // A signature is over every byte of the other two parts.
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        for changed in [format!("{header}.{claims}A.{signature}"), format!("{header}A.{claims}.{signature}")] {
            assert!(verify_token(&*TOKEN_ISSUERS, &changed, now).is_err());
        }
    }
}

/// A set of keys that is relied upon holds no secret.
pub(crate) fn key_set(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(keys) = TokenKeys::read(text) {
        assert!(!keys.is_empty() && keys.len() <= 64);
        let value: serde_json::Value = serde_json::from_str(text).expect("an accepted set is JSON");
        for key in value["keys"].as_array().expect("an accepted set has keys") {
            assert!(key["kty"] != "oct" && key.get("d").is_none(), "a secret does not belong into a set");
        }
    }
}

fn sealed_issuer(id: &str) -> Issuer {
    let text = ISSUER_KEY.replace("fuzz\"", &format!("{id}\""));
    Issuer::new(IssuerKeyRing::read(&Source::new("issuer.key", text)).unwrap())
}

/// A token opens only with the key that sealed it, and only beside the key id that it was made for. The input is a key
/// id, a line feed, and a token.
pub(crate) fn sealed_token(data: &[u8]) {
    static OURS: LazyLock<Issuer> = LazyLock::new(|| sealed_issuer("fuzz"));
    static OTHER: LazyLock<Issuer> = LazyLock::new(|| {
        let text = ISSUER_KEY.replace("ZnV6", "Zm9v");
        Issuer::new(IssuerKeyRing::read(&Source::new("issuer.key", text)).unwrap())
    });
    let Ok(text) = str::from_utf8(data) else { return };
    let (id, token) = text.split_once('\n').unwrap_or(("", text));
    let _ = Issuer::is_ours(token);
    assert!(OTHER.open(id, token).is_err(), "sealed by another key");
    if let Ok(opened) = OURS.open(id, token) {
        assert_eq!(opened.session.key.as_str(), id, "a token belongs to one key id");
        assert!(OURS.open("STS.another", token).is_err());
        assert!(OURS.open(id, &format!("{token}A")).is_err(), "a token has one spelling");
    }
}

/// What is read is written the same way.
pub(crate) fn caller_identity(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(read) = SignedIdentity::read(text) {
        let again = read.to_text();
        let second = SignedIdentity::read(&again).expect("what was written is read");
        assert_eq!(again, second.to_text());
    }
}
