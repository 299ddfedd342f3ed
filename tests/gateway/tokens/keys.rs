//! Key sets, and the keys in them that are used.

use ramgate::identity::{KeySetError, TokenKeys};
use serde_json::json;

use super::made::{Key, but, set};

#[test]
fn a_set_with_a_secret_is_refused_as_a_whole() {
    let (ec, rsa) = (Key::ec("ec"), Key::rsa("rsa"));
    let read = |keys: &[serde_json::Value]| TokenKeys::read(&set(keys)).map(|keys| keys.len());
    assert_eq!(read(&[ec.jwk(), rsa.jwk()]), Ok(2));
    let secret = json!({"kty": "oct", "k": "AAAA", "alg": "HS256", "kid": "s"});
    assert_eq!(read(&[ec.jwk(), secret]), Err(KeySetError::Symmetric));
    assert_eq!(read(&[ec.jwk(), but(&rsa.jwk(), "d", json!("AAAA"))]), Err(KeySetError::Private("d")));
    assert_eq!(read(&[ec.jwk(), Key::ec("ec").jwk()]), Err(KeySetError::SameId("ec".to_owned())));
    assert_eq!(read(&vec![ec.jwk(); 65]), Err(KeySetError::TooMany));
}

#[test]
fn keys_for_other_purposes_are_ignored() {
    let ec = Key::ec("ec");
    let read = |other: serde_json::Value| TokenKeys::read(&set(&[ec.jwk(), other])).map(|keys| keys.len());
    let other = Key::rsa("other").jwk();
    for ignored in [
        but(&other, "use", json!("enc")),
        but(&other, "key_ops", json!(["encrypt"])),
        but(&other, "alg", json!("RSA-OAEP")),
        but(&other, "alg", json!("ES256")),
        but(&other, "alg", json!("HS256")),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "x"}),
        json!({"kty": "new", "kid": "x"}),
        json!({}),
        json!(7),
    ] {
        assert_eq!(read(ignored.clone()), Ok(1), "{ignored}");
    }
    for kept in [but(&other, "use", json!("sig")), but(&other, "alg", json!(null)), but(&other, "kid", json!(null))] {
        assert_eq!(read(kept.clone()), Ok(2), "{kept}");
    }
    for (text, error) in [
        (set(&[]), "it contains no key"),
        (set(&[but(&ec.jwk(), "use", json!("enc"))]), "it contains no key"),
        ("{}".to_owned(), "it is not a JSON Web Key Set"),
        ("[]".to_owned(), "it is not a JSON Web Key Set"),
        ("<html>".to_owned(), "it is not a JSON Web Key Set"),
    ] {
        assert!(TokenKeys::read(&text).unwrap_err().to_string().starts_with(error), "{text}");
    }
}
