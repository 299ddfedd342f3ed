//! The encrypted token file that Terway and other addons of a Kubernetes cluster read.
//!
//! The key's id, its secret and its token are encrypted with AES-256 in CBC mode and written in base64, each after its
//! initialisation vector. The encryption key is in the same file, so this hides nothing from a reader of the file. It
//! is only the format that these clients expect.

use aws_lc_rs::cipher::{AES_256, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::obtain::Obtained;

/// The text of the file, or `None` if the key cannot be encrypted.
pub(super) fn token_file(key: &Obtained) -> Option<String> {
    let keyring = keyring();
    let sealed = |text: &str| seal(keyring.as_bytes(), text);
    let file = json!({
        "access.key.id": sealed(&key.access_key_id)?,
        "access.key.secret": sealed(key.secret.expose())?,
        "security.token": sealed(key.security_token.expose())?,
        "expiration": key.expiration,
        "keyring": keyring,
    });
    Some(file.to_string())
}

/// A new encryption key. The bytes of its 32 hexadecimal characters are the AES key.
fn keyring() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the system supplies random bytes");
    crate::text::hex(&bytes)
}

fn seal(key: &[u8], text: &str) -> Option<String> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut sealed = text.as_bytes().to_vec();
    let context = key.encrypt(&mut sealed).ok()?;
    let vector: &[u8] = (&context).try_into().ok()?;
    Some(BASE64_STANDARD.encode([vector, &sealed].concat()))
}
