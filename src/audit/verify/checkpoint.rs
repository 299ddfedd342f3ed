//! Checkpoints: signed statements about a chain, which can be kept where the log's host cannot change them.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::hex;

use super::line::{Digest, digest_of, from_hex};

/// A checkpoint, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub chain: String,
    pub replica: String,
    /// When the checkpoint was written.
    pub at: String,
    /// The number of the first line after the previous checkpoint; `last + 1` if there is no such line.
    pub first: u64,
    /// The number of the last line that it vouches for, and that line's digest.
    pub last: u64,
    pub last_hash: [u8; 32],
    /// The digest of the previous checkpoint.
    pub previous: [u8; 32],
    pub key_id: String,
    pub(super) count: u64,
    /// The digest of the checkpoint's own line.
    pub(super) digest: Digest,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// A public key that checkpoints are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointKey {
    id: String,
    raw: Vec<u8>,
}

impl CheckpointKey {
    /// Reads a PEM text of a SubjectPublicKeyInfo, as `key checkpoint` writes it.
    ///
    /// # Errors
    /// The text is not such a key.
    pub fn from_pem(text: &str) -> Result<Self, &'static str> {
        /// The bytes before the 32 bytes of an Ed25519 key (RFC 8410).
        const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let body = text.split_once("-----BEGIN PUBLIC KEY-----").ok_or("it has no PEM block `PUBLIC KEY`")?.1;
        let body = body.split_once("-----END PUBLIC KEY-----").ok_or("its PEM block does not end")?.0;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| "its PEM block is not Base64")?;
        let raw = der.strip_prefix(&PREFIX).filter(|raw| raw.len() == 32).ok_or("it is not an Ed25519 key")?;
        Ok(Self { id: hex(&digest_of(raw)[..8]), raw: raw.to_vec() })
    }

    /// The id that checkpoints name: the first 16 hexadecimal digits of the SHA-256 of the raw key.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Checkpoint {
    /// Checks that one of the keys signed the checkpoint.
    ///
    /// # Errors
    /// Why the signature is not accepted, in words.
    pub(super) fn verify(&self, keys: &[CheckpointKey]) -> Result<(), String> {
        let key = keys.iter().find(|key| key.id == self.key_id).ok_or_else(|| {
            let given: Vec<&str> = keys.iter().map(CheckpointKey::id).collect();
            let own = self.key_id.escape_default();
            format!("it names the key `{own}` as its signer, but `--public-key` gave `{}`", given.join("`, `"))
        })?;
        let public = UnparsedPublicKey::new(&ED25519, &key.raw);
        public.verify(&self.signed, &self.signature).map_err(|_| "its signature does not verify".to_owned())
    }
}

#[derive(Deserialize)]
struct RawLine<'a> {
    #[serde(borrow)]
    checkpoint: &'a RawValue,
    #[serde(borrow)]
    signature: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCheckpoint {
    chain: String,
    replica: String,
    at: String,
    first: u64,
    last: u64,
    count: u64,
    last_hash: String,
    previous: String,
    key_id: String,
}

/// Reads a line of a checkpoints' file.
///
/// # Errors
/// Why it is not a checkpoint, in words.
pub fn read_checkpoint(line: &[u8]) -> Result<Checkpoint, String> {
    let none = |error: serde_json::Error| format!("it is not a checkpoint: {error}");
    let outer: RawLine<'_> = serde_json::from_slice(line).map_err(none)?;
    let raw: RawCheckpoint = serde_json::from_str(outer.checkpoint.get()).map_err(none)?;
    let digest = |text: &str| from_hex(text.as_bytes()).ok_or("it is not a checkpoint: a digest in it is malformed");
    Ok(Checkpoint {
        last_hash: digest(&raw.last_hash)?,
        previous: digest(&raw.previous)?,
        chain: raw.chain,
        replica: raw.replica,
        at: raw.at,
        first: raw.first,
        last: raw.last,
        count: raw.count,
        key_id: raw.key_id,
        digest: digest_of(line),
        signed: outer.checkpoint.get().as_bytes().to_vec(),
        signature: STANDARD
            .decode(outer.signature)
            .map_err(|_| "it is not a checkpoint: its signature is not Base64")?,
    })
}
