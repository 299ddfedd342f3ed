//! The key that checkpoints are signed with: Ed25519.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::chain::{digest_of, shown};

/// A private key, and its id in checkpoints.
#[derive(Debug)]
pub struct CheckpointKey {
    pair: Ed25519KeyPair,
    id: String,
}

/// The public key that verifies the signatures of checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointPublicKey {
    raw: Vec<u8>,
    id: String,
}

/// A new pair of keys, not stored yet.
pub struct NewCheckpointKey {
    /// PKCS#8, PEM.
    pub private: String,
    /// `SubjectPublicKeyInfo`, PEM: what a verifier needs.
    pub public: String,
    pub id: String,
}

/// A text that is not a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a private key for checkpoints: expected an Ed25519 key in PKCS#8, PEM")]
pub struct CheckpointKeyError;

/// A text that is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key for checkpoints: expected an Ed25519 key as SubjectPublicKeyInfo, PEM")]
pub struct CheckpointPublicKeyError;

/// The bytes before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

impl CheckpointKey {
    /// # Errors
    /// The text is not one Ed25519 key in PKCS#8, PEM.
    pub fn from_pem(text: &str) -> Result<Self, CheckpointKeyError> {
        let der = from_pem(PRIVATE, text).ok_or(CheckpointKeyError)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| CheckpointKeyError)?;
        let id = id_of(&pair);
        Ok(Self { pair, id })
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the public key's 32 bytes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key that verifies this key's signatures.
    pub(super) fn public(&self) -> CheckpointPublicKey {
        CheckpointPublicKey { raw: self.pair.public_key().as_ref().to_vec(), id: self.id.clone() }
    }

    pub(super) fn sign(&self, message: &[u8]) -> impl AsRef<[u8]> + use<> {
        self.pair.sign(message)
    }
}

impl CheckpointPublicKey {
    /// # Errors
    /// The text is not one Ed25519 key as `SubjectPublicKeyInfo`, PEM, the form of the `.pub` file that `ramgate key
    /// checkpoint` writes.
    pub fn from_pem(text: &str) -> Result<Self, CheckpointPublicKeyError> {
        let der = from_pem(PUBLIC, text).ok_or(CheckpointPublicKeyError)?;
        let raw = der.strip_prefix(&ED25519_INFO).filter(|raw| raw.len() == 32).ok_or(CheckpointPublicKeyError)?;
        Ok(Self { raw: raw.to_vec(), id: shown(&digest_of(raw))[..16].to_owned() })
    }

    /// The id of the pair of keys, as [`CheckpointKey::id`].
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.raw).verify(message, signature).is_ok()
    }
}

impl NewCheckpointKey {
    /// # Errors
    /// The system has no source of randomness.
    pub fn random() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let pair = Ed25519KeyPair::generate()?;
        let private: Pkcs8V1Der<'_> = pair.as_der()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let (private, public) = (pem(PRIVATE, private.as_ref()), pem(PUBLIC, public.as_ref()));
        Ok(Self { private, public, id: id_of(&pair) })
    }
}

impl std::fmt::Debug for NewCheckpointKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCheckpointKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn id_of(pair: &Ed25519KeyPair) -> String {
    shown(&digest_of(pair.public_key().as_ref()))[..16].to_owned()
}

fn from_pem(label: &str, text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body: String = body.strip_suffix(&format!("-----END {label}-----"))?.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back() {
        let new = NewCheckpointKey::random().unwrap();
        let key = CheckpointKey::from_pem(&new.private).unwrap();
        assert_eq!(key.id(), new.id);
        assert_eq!(CheckpointPublicKey::from_pem(&new.public), Ok(key.public()));
        assert!(key.public().verifies(b"text", key.sign(b"text").as_ref()));
        assert!(!key.public().verifies(b"test", key.sign(b"text").as_ref()));
        assert_eq!(CheckpointPublicKey::from_pem(&new.private), Err(CheckpointPublicKeyError));
        assert!(new.public.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"), "{}", new.public);
        for other in ["", &new.public, &new.private.replace('M', "")] {
            assert!(CheckpointKey::from_pem(other).is_err(), "{other}");
        }
    }
}
