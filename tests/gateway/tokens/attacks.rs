//! Published attacks on tokens (RFC 8725, OWASP), each tried on the verifier at a fixed time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ram_policy::{Case, Glob, Principal};
use ramgate::identity::{
    FixedKeys, NotBefore, TokenError, TokenIssuer, TokenKeys, TokenMapping, VerifiedToken, verify_token,
};
use serde_json::{Value, json};

use super::made::{ISSUER, Key, NOW, SUBJECT, but, claims, encoded, set};

fn principal(identity: &str) -> Principal {
    Principal::new("1234567890123456".parse().unwrap(), identity.parse().unwrap())
}

fn mapping(subject: &str, claims: &[(&str, &str)], identity: &str) -> TokenMapping {
    let glob = |text: &str| Glob::new(text, Case::Sensitive);
    let claims = claims.iter().map(|(pointer, wanted)| ((*pointer).to_owned(), glob(wanted))).collect();
    TokenMapping { subject: glob(subject), claims, principal: principal(identity) }
}

fn issuer(keys: &str, algorithms: &[&str]) -> TokenIssuer {
    TokenIssuer {
        issuer: ISSUER.into(),
        provider: None,
        audience: vec!["ramgate".to_owned()],
        algorithms: algorithms.iter().map(|it| it.parse().unwrap()).collect(),
        not_before: NotBefore::Required,
        leeway: Duration::from_secs(60),
        principals: vec![
            mapping(SUBJECT, &[("/kubernetes.io/namespace", "kube-*")], "role/terway"),
            mapping("repo:org/*", &[], "user/alice"),
        ],
        keys: Box::new(FixedKeys(Arc::new(TokenKeys::read(keys).unwrap()))),
    }
}

/// A verified token and its principal.
#[derive(Debug, PartialEq)]
struct Verified {
    token: VerifiedToken,
    principal: Principal,
}

fn verify(issuer: &TokenIssuer, token: &str, now: i64) -> Result<Verified, TokenError> {
    verify_by(std::slice::from_ref(issuer), token, now)
}

fn verify_by(issuers: &[TokenIssuer], token: &str, now: i64) -> Result<Verified, TokenError> {
    let (token, issuer) = verify_token(issuers, token, Timestamp::from_second(now).unwrap())?;
    Ok(Verified { principal: issuer.principal(&token)?, token })
}

#[test]
fn a_valid_token_is_accepted() {
    for key in [Key::ec("one"), Key::rsa("one")] {
        let issuer = issuer(&set(&[key.jwk()]), &["RS256", "ES256"]);
        let Verified { token, principal: found } = verify(&issuer, &key.sign(&claims(NOW)), NOW).unwrap();
        assert_eq!((&*token.issuer, token.subject.as_str()), (ISSUER, SUBJECT));
        assert_eq!(token.audiences, ["ramgate", "elsewhere"]);
        assert_eq!(found, principal("role/terway"));
        assert_eq!(token.expires, Timestamp::from_second(NOW + 600).unwrap());
    }
}

#[test]
fn a_subject_is_mapped_to_the_principal_of_its_entry() {
    let key = Key::ec("one");
    let issuer = issuer(&set(&[key.jwk()]), &["ES256"]);
    let of = |claims: &Value| verify(&issuer, &key.sign(claims), NOW).map(|verified| verified.principal);
    assert_eq!(of(&but(&claims(NOW), "sub", json!("repo:org/x"))).unwrap(), principal("user/alice"));
    for unmapped in [
        but(&claims(NOW), "sub", json!("system:serviceaccount:kube-system:terway2")),
        but(&claims(NOW), "sub", json!("repo:other/x")),
        but(&claims(NOW), "kubernetes.io", json!({ "namespace": "default" })),
        but(&claims(NOW), "kubernetes.io", json!({ "namespace": ["kube-system"] })),
        but(&claims(NOW), "kubernetes.io", Value::Null),
    ] {
        assert_eq!(of(&unmapped), Err(TokenError::NoPrincipal), "{unmapped}");
    }
}

#[test]
fn every_claim_is_checked() {
    let key = Key::ec("one");
    let issuer = issuer(&set(&[key.jwk()]), &["ES256"]);
    let good = claims(NOW);
    for (changed, error) in [
        (but(&good, "iss", json!("https://issuer.example/")), TokenError::Issuer),
        (but(&good, "iss", json!([ISSUER])), TokenError::Claim("iss")),
        (but(&good, "iss", Value::Null), TokenError::Claim("iss")),
        (but(&good, "aud", json!("ramgate2")), TokenError::Audience),
        (but(&good, "aud", json!([])), TokenError::Audience),
        (but(&good, "aud", Value::Null), TokenError::Claim("aud")),
        (but(&good, "exp", Value::Null), TokenError::Claim("exp")),
        (but(&good, "exp", json!("9999999999")), TokenError::Claim("exp")),
        (but(&good, "exp", json!(-1)), TokenError::Claim("exp")),
        (but(&good, "exp", json!(1e300)), TokenError::Claim("exp")),
        (but(&good, "nbf", Value::Null), TokenError::Claim("nbf")),
        (but(&good, "nbf", json!("0")), TokenError::Claim("nbf")),
        (but(&good, "nbf", json!(NOW + 61)), TokenError::NotYet),
        (but(&good, "iat", json!(NOW + 3600)), TokenError::NotYet),
        (but(&good, "sub", Value::Null), TokenError::Claim("sub")),
        (but(&good, "sub", json!("")), TokenError::Claim("sub")),
        (but(&good, "sub", json!(7)), TokenError::Claim("sub")),
        (but(&good, "sub", json!("x".repeat(256))), TokenError::Claim("sub")),
        (but(&good, "sub", json!("a\nb")), TokenError::Claim("sub")),
    ] {
        assert_eq!(verify(&issuer, &key.sign(&changed), NOW), Err(error), "{changed}");
    }
}

#[test]
fn the_lifetime_of_a_token_is_checked_to_the_second() {
    let key = Key::ec("one");
    let issuer = issuer(&set(&[key.jwk()]), &["ES256"]);
    let token = key.sign(&claims(NOW));
    for (now, expected) in [
        (NOW - 71, Some(TokenError::NotYet)),
        (NOW - 70, None),
        (NOW, None),
        (NOW + 659, None),
        (NOW + 660, Some(TokenError::Expired)),
        (NOW + 100_000_000, Some(TokenError::Expired)),
    ] {
        assert_eq!(verify(&issuer, &token, now).err(), expected, "{}", now - NOW);
    }
}

#[test]
fn the_token_chooses_neither_key_nor_algorithm() {
    let (ec, rsa, other) = (Key::ec("ec"), Key::rsa("rsa"), Key::ec("ec"));
    let issuer = issuer(&set(&[ec.jwk(), rsa.jwk()]), &["RS256", "ES256"]);
    let good = claims(NOW);
    let header = |header: Value| header;
    let unsigned = |head: Value| format!("{}.{}.", encoded(&head), encoded(&good));
    let forged = |head: Value, secret: &[u8]| {
        let message = format!("{}.{}", encoded(&head), encoded(&good));
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let public = rsa.jwk()["n"].as_str().unwrap().to_owned();
    for (token, error) in [
        // No signature, under several spellings of `none`.
        (unsigned(header(json!({"alg": "none"}))), TokenError::Signature),
        (unsigned(header(json!({"alg": "None", "kid": "rsa"}))), TokenError::Signature),
        (format!("{}x", unsigned(json!({"alg": "none", "kid": "rsa"}))), TokenError::Malformed),
        (format!("{}AAAA", unsigned(json!({"alg": "nOnE", "kid": "rsa"}))), TokenError::Algorithm),
        (format!("{}AAAA", unsigned(json!({"kid": "rsa"}))), TokenError::Malformed),
        // The public key used as a secret.
        (forged(json!({"alg": "HS256", "kid": "rsa"}), public.as_bytes()), TokenError::Algorithm),
        (forged(json!({"alg": "HS256", "kid": "rsa"}), rsa.pem.as_bytes()), TokenError::Algorithm),
        // The algorithm of one key with the id of another, or an algorithm that is not configured.
        (ec.sign_under(&json!({"alg": "ES256", "kid": "rsa"}), &good), TokenError::Algorithm),
        (rsa.sign_under(&json!({"alg": "RS256", "kid": "ec"}), &good), TokenError::Algorithm),
        (rsa.sign_under(&json!({"alg": "RS512", "kid": "rsa"}), &good), TokenError::Algorithm),
        (rsa.sign_under(&json!({"alg": "PS256", "kid": "rsa"}), &good), TokenError::Algorithm),
        // An attacker's key under a known id.
        (other.sign(&good), TokenError::Signature),
        // Key ids that are paths or SQL, that are missing, or that are not text.
        (
            ec.sign_under(&json!({"alg": "ES256", "kid": "../../dev/null"}), &good),
            TokenError::UnknownKey(ISSUER.into()),
        ),
        (ec.sign_under(&json!({"alg": "ES256", "kid": "' OR 1=1 --"}), &good), TokenError::UnknownKey(ISSUER.into())),
        (ec.sign_under(&json!({"alg": "ES256"}), &good), TokenError::UnknownKey(ISSUER.into())),
        (ec.sign_under(&json!({"alg": "ES256", "kid": 7}), &good), TokenError::Malformed),
        // A key inside the token or a link to one, and extensions that a verifier must understand.
        (ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "jwk": other.jwk()}), &good), TokenError::Header("jwk")),
        (
            ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "jku": "https://evil.example"}), &good),
            TokenError::Header("jku"),
        ),
        (
            ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "x5u": "https://evil.example"}), &good),
            TokenError::Header("x5u"),
        ),
        (ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "x5c": ["MIIB"]}), &good), TokenError::Header("x5c")),
        (ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "crit": ["exp"]}), &good), TokenError::Header("crit")),
        (ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "b64": false}), &good), TokenError::Header("b64")),
        (ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "zip": "DEF"}), &good), TokenError::Header("zip")),
        (ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "typ": "secevent+jwt"}), &good), TokenError::Header("typ")),
    ] {
        assert_eq!(verify(&issuer, &token, NOW), Err(error), "{token}");
    }
    assert!(
        verify(&issuer, &ec.sign_under(&json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"}), &good), NOW).is_ok()
    );
}

#[test]
fn a_token_has_one_reading() {
    let key = Key::ec("one");
    let issuer = issuer(&set(&[key.jwk()]), &["ES256"]);
    let token = key.sign(&claims(NOW));
    let [header, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let changed = encoded(&but(&claims(NOW), "sub", json!("repo:org/x")));
    for (wrong, error) in [
        (format!("{header}.{changed}.{signature}"), TokenError::Signature),
        (format!("{header}.{body}.{}", signature.replace(&signature[..4], "AAAA")), TokenError::Signature),
        (format!("{header}.{body}"), TokenError::Malformed),
        (format!("{token}.{signature}"), TokenError::Malformed),
        (format!("{header}.{body}.{signature}="), TokenError::Malformed),
        (format!("{header}.{body}=.{signature}"), TokenError::Malformed),
        (format!("{header}. {body}.{signature}"), TokenError::Malformed),
        (format!("{header}.{body}."), TokenError::Signature),
        ("..".to_owned(), TokenError::Signature),
        (String::new(), TokenError::Malformed),
        ("a.b.c".to_owned(), TokenError::Malformed),
        (format!("{token}{}", "A".repeat(16 << 10)), TokenError::Malformed),
    ] {
        assert_eq!(verify(&issuer, &wrong, NOW), Err(error), "{wrong}");
    }
    let twice = format!(r#"{{"iss":"{ISSUER}","iss":"https://other.example","aud":"ramgate","sub":"{SUBJECT}"}}"#);
    let message = format!("{header}.{}", base64_of(&twice));
    assert!(verify(&issuer, &format!("{message}.{signature}"), NOW).is_err());
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// A key of one issuer does not sign valid tokens of the other.
#[test]
fn two_issuers_cannot_sign_for_each_other() {
    let (one, other) = (Key::ec("same"), Key::ec("same"));
    let mut second = issuer(&set(&[other.jwk()]), &["ES256"]);
    second.issuer = "https://other.example".into();
    second.principals = vec![mapping("*", &[], "user/bob")];
    let issuers = [issuer(&set(&[one.jwk()]), &["ES256"]), second];
    let of_other = but(&claims(NOW), "iss", json!("https://other.example"));
    assert_eq!(verify_by(&issuers, &other.sign(&of_other), NOW).unwrap().principal, principal("user/bob"));
    assert_eq!(verify_by(&issuers, &other.sign(&claims(NOW)), NOW), Err(TokenError::Signature));
    assert_eq!(verify_by(&issuers, &one.sign(&of_other), NOW), Err(TokenError::Signature));
}

#[test]
fn a_token_without_nbf_is_accepted_only_if_configured() {
    let key = Key::ec("one");
    let mut issuer = issuer(&set(&[key.jwk()]), &["ES256"]);
    let token = key.sign(&but(&claims(NOW), "nbf", Value::Null));
    assert_eq!(verify(&issuer, &token, NOW), Err(TokenError::Claim("nbf")));
    issuer.not_before = NotBefore::Optional;
    assert!(verify(&issuer, &token, NOW).is_ok());
    let later = key.sign(&but(&claims(NOW), "nbf", json!(NOW + 61)));
    assert_eq!(verify(&issuer, &later, NOW), Err(TokenError::NotYet), "a claim that is present is checked");
}
