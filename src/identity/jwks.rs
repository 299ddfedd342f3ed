//! The public keys of a token issuer: a JSON Web Key Set (RFC 7517).
//!
//! The key's own type determines which algorithms it may verify, never the token. A set that contains any secret key is
//! refused as a whole: it was published by mistake or by an attacker. Keys that cannot verify a token are skipped.

use std::collections::BTreeSet;
use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// More keys than any issuer publishes.
const MOST_KEYS: usize = 64;

/// Keys that verify tokens. Never empty.
#[derive(Clone)]
pub struct TokenKeys(Vec<TokenKey>);

#[derive(Clone)]
pub(super) struct TokenKey {
    kid: Option<Box<str>>,
    /// The algorithms that fit the key's type; only one if the set names an algorithm for the key.
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

/// Why a key set is refused. The message continues a sentence about the set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The text is not JSON with a list `keys`. Contains the parser's message.
    #[error("it is not a JSON Web Key Set: {0}")]
    Malformed(String),
    /// The set has more keys than any issuer publishes.
    #[error("it contains more than {MOST_KEYS} keys")]
    TooMany,
    /// A key has the type `oct` or a member `k`, so it is a shared secret.
    #[error("it contains a symmetric key (`oct`), with which any reader of the set could sign tokens")]
    Symmetric,
    /// A key has a member of private keys. Contains the member's name.
    #[error("it contains the private part of a key (`{0}`)")]
    Private(&'static str),
    /// Two usable keys have the same `kid`. Contains it.
    #[error("it contains two keys with the id `{0}`")]
    SameId(String),
    /// After keys for other purposes and of other types are skipped, the set is empty.
    #[error("it contains no key that can verify tokens with RS, PS, ES or EdDSA")]
    NoKey,
}

impl TokenKeys {
    /// Parses a key set.
    ///
    /// # Errors
    /// The first reason to refuse the set.
    pub fn read(text: &str) -> Result<Self, KeySetError> {
        #[derive(serde::Deserialize)]
        struct RawKeySet {
            keys: Vec<Value>,
        }
        let raw: RawKeySet = serde_json::from_str(text).map_err(|error| KeySetError::Malformed(error.to_string()))?;
        if raw.keys.len() > MOST_KEYS {
            return Err(KeySetError::TooMany);
        }
        let (mut keys, mut ids) = (Vec::new(), BTreeSet::new());
        for raw in raw.keys {
            refuse_secret(&raw)?;
            let Some(key) = TokenKey::read(raw) else { continue };
            if let Some(kid) = &key.kid
                && !ids.insert(kid.clone())
            {
                return Err(KeySetError::SameId(kid.to_string()));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self(keys)) }
    }

    /// The key with this id. Without an id, the set's only key.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&TokenKey> {
        match (kid, &self.0[..]) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Always false: a set without usable keys is refused.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn refuse_secret(key: &Value) -> Result<(), KeySetError> {
    if key["kty"] == "oct" || key.get("k").is_some() {
        return Err(KeySetError::Symmetric);
    }
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth"].into_iter().find(|part| key.get(part).is_some());
    private.map_or(Ok(()), |part| Err(KeySetError::Private(part)))
}

impl TokenKey {
    /// `None` for a key that cannot verify a token.
    fn read(raw: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(raw).ok()?;
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature);
        let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        if !signs || !verifies {
            return None;
        }
        let fitting = fitting(&jwk.algorithm)?;
        let algorithms = match common.key_algorithm {
            None => fitting.to_vec(),
            Some(named) => fitting.iter().copied().filter(|it| KeyAlgorithm::from(*it) == named).collect(),
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let kid = jwk.common.key_id.map(String::into_boxed_str);
        (!algorithms.is_empty()).then_some(Self { kid, algorithms, key })
    }
}

fn fitting(key: &AlgorithmParameters) -> Option<&'static [Algorithm]> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match key {
        AlgorithmParameters::RSA(_) => Some(&[RS256, RS384, RS512, PS256, PS384, PS512]),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Some(&[ES256]),
            EllipticCurve::P384 => Some(&[ES384]),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Some(&[EdDSA]),
        _ => None,
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (key.kid.as_deref(), &key.algorithms))).finish()
    }
}
