//! The encrypted token file that Terway and other addons of a Kubernetes cluster read.
//!
//! Every value is AES in CBC mode under a key that stands in the same file, the initialisation vector in front, in
//! base64. That hides nothing from whoever can read the file; it is the form that is read.

use aws_lc_rs::cipher::{AES_256, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::obtain::Obtained;

/// The file's text.
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

/// 32 characters, which are the key's bytes.
fn keyring() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    crate::text::hex(&bytes)
}

fn seal(key: &[u8], text: &str) -> Option<String> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut sealed = text.as_bytes().to_vec();
    let context = key.encrypt(&mut sealed).ok()?;
    let vector: &[u8] = (&context).try_into().ok()?;
    Some(BASE64_STANDARD.encode([vector, &sealed].concat()))
}
