//! Token issuers and their tokens, valid and forged.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use serde_json::{Value, json};

pub const ISSUER: &str = "https://issuer.example";
pub const SUBJECT: &str = "system:serviceaccount:kube-system:terway";
/// 2026-01-01T00:00:00Z.
pub const NOW: i64 = 1_767_225_600;

/// A signing key of an issuer, with its id.
pub struct Key {
    pub kid: &'static str,
    pub algorithm: Algorithm,
    pub pem: String,
    signing: EncodingKey,
}

impl Key {
    pub fn ec(kid: &'static str) -> Self {
        let pem = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
        let signing = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
        Self { kid, algorithm: Algorithm::ES256, pem, signing }
    }

    pub fn rsa(kid: &'static str) -> Self {
        let pem = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap().serialize_pem();
        let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        Self { kid, algorithm: Algorithm::RS256, pem, signing }
    }

    /// The key in this PEM text.
    #[allow(dead_code, reason = "each test binary uses its own part")]
    pub fn from_pem(kid: &'static str, pem: &str) -> Self {
        let signing = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
        Self { kid, algorithm: Algorithm::ES256, pem: pem.to_owned(), signing }
    }

    /// The public key, as a member of a key set.
    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.signing, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        encode(&header, claims, &self.signing).unwrap()
    }

    /// A valid signature under any header.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.signing, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

pub fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

pub fn encoded(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}

/// The claims of a token that is valid at a time.
pub fn claims(now: i64) -> Value {
    json!({
        "iss": ISSUER, "aud": ["ramgate", "elsewhere"], "sub": SUBJECT, "iat": now - 10, "nbf": now - 10, "exp": now + 600,
        "kubernetes.io": { "namespace": "kube-system" }
    })
}

/// The claims with one changed, or removed if the value is null.
pub fn but(claims: &Value, name: &str, value: Value) -> Value {
    let mut changed = claims.clone();
    match value {
        Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
        value => changed[name] = value,
    }
    changed
}
