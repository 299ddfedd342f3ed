//! The key that checkpoints are signed with: Ed25519.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::chain::{digest_of, shown};

/// A key, and what checkpoints call it.
#[derive(Debug)]
pub struct CheckpointKey {
    pair: Ed25519KeyPair,
    id: String,
}

/// A key that is in no file yet.
pub struct NewCheckpointKey {
    /// PKCS#8, PEM.
    pub private: String,
    /// `SubjectPublicKeyInfo`, PEM: what a reader needs.
    pub public: String,
    pub id: String,
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no private key for checkpoints: Ed25519, PKCS#8, PEM")]
pub struct NoCheckpointKey;

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

impl CheckpointKey {
    /// # Errors
    /// Anything but one Ed25519 key in PKCS#8, PEM.
    pub fn from_pem(text: &str) -> Result<Self, NoCheckpointKey> {
        let body = text.trim().strip_prefix(&format!("-----BEGIN {PRIVATE}-----"));
        let body = body.and_then(|body| body.strip_suffix(&format!("-----END {PRIVATE}-----")));
        let body: String = body.ok_or(NoCheckpointKey)?.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).map_err(|_| NoCheckpointKey)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| NoCheckpointKey)?;
        let id = id_of(&pair);
        Ok(Self { pair, id })
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the public key's 32 bytes.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn sign(&self, message: &[u8]) -> impl AsRef<[u8]> + use<> {
        self.pair.sign(message)
    }
}

impl NewCheckpointKey {
    /// # Errors
    /// A system without randomness.
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
        assert_eq!(CheckpointKey::from_pem(&new.private).unwrap().id(), new.id);
        assert!(new.public.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"), "{}", new.public);
        for other in ["", &new.public, &new.private.replace('M', "")] {
            assert!(CheckpointKey::from_pem(other).is_err(), "{other}");
        }
    }
}
