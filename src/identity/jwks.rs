//! The public keys of a token issuer, as a JSON Web Key Set says them (RFC 7517).
//!
//! A key's own type says which algorithms it may verify, never the token. A set with anything secret in it is refused
//! whole: it was published by mistake, or by somebody else. Keys that cannot verify a token are passed over.

use std::collections::BTreeSet;
use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// No issuer publishes more.
const MOST_KEYS: usize = 64;

/// Keys that verify tokens; never empty.
#[derive(Clone)]
pub struct TokenKeys(Vec<TokenKey>);

#[derive(Clone)]
pub(super) struct TokenKey {
    kid: Option<Box<str>>,
    /// Those that the key fits; where the set names one, that one.
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

/// Why a text is no set of keys to rely upon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    #[error("it is no JSON Web Key Set: {0}")]
    Malformed(String),
    #[error("it holds more than {MOST_KEYS} keys")]
    TooMany,
    #[error("it holds a symmetric key (`oct`), which whoever reads the set could sign with")]
    Symmetric,
    #[error("it holds the private half of a key (`{0}`)")]
    Private(&'static str),
    #[error("it holds two keys with the id `{0}`")]
    SameId(String),
    #[error("it holds no key that verifies tokens by RS, PS, ES or EdDSA")]
    NoKey,
}

impl TokenKeys {
    /// Reads a set.
    ///
    /// # Errors
    /// The first reason why the set is not to be relied upon.
    pub fn read(text: &str) -> Result<Self, KeySetFault> {
        #[derive(serde::Deserialize)]
        struct Written {
            keys: Vec<Value>,
        }
        let written: Written = serde_json::from_str(text).map_err(|error| KeySetFault::Malformed(error.to_string()))?;
        if written.keys.len() > MOST_KEYS {
            return Err(KeySetFault::TooMany);
        }
        let (mut keys, mut ids) = (Vec::new(), BTreeSet::new());
        for written in written.keys {
            refuse_secret(&written)?;
            let Some(key) = TokenKey::read(written) else { continue };
            if let Some(kid) = &key.kid
                && !ids.insert(kid.clone())
            {
                return Err(KeySetFault::SameId(kid.to_string()));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeySetFault::NoKey) } else { Ok(Self(keys)) }
    }

    /// The key of that id; without an id, the only key there is.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&TokenKey> {
        match (kid, &self.0[..]) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn refuse_secret(written: &Value) -> Result<(), KeySetFault> {
    if written["kty"] == "oct" || written.get("k").is_some() {
        return Err(KeySetFault::Symmetric);
    }
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth"].into_iter().find(|part| written.get(part).is_some());
    private.map_or(Ok(()), |part| Err(KeySetFault::Private(part)))
}

impl TokenKey {
    /// None for a key that cannot verify a token.
    fn read(written: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(written).ok()?;
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
