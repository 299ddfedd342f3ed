//! Tags for keys whose ids are masked: the same for a key in all lines of one log, and different in other logs
//! (`docs/spec/ecs-eni.md` C.4).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::text::hex;

/// The key that a log's tags are made with. Its owner can check whether a tag belongs to an AccessKeyId.
#[derive(Clone)]
pub struct TagKey(Arc<hmac::Key>);

/// How many bytes of a digest are written. That is enough to distinguish the keys of an account.
const WRITTEN: usize = 8;

impl TagKey {
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(HMAC_SHA256, secret)))
    }

    /// The bytes of a new key.
    ///
    /// # Panics
    /// The system has no source of randomness.
    pub fn random_secret() -> [u8; 32] {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).expect("the system gives random bytes");
        secret
    }

    /// The tag of an AccessKeyId.
    pub fn tag(&self, access_key_id: &str) -> String {
        hex(&hmac::sign(&self.0, access_key_id.as_bytes()).as_ref()[..WRITTEN])
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_beginning_of_a_keyed_digest() {
        // RFC 4231, test case 2, with its key filled up with zeros, which HMAC does too.
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let key = TagKey::new(&secret);
        assert_eq!(key.tag("what do ya want for nothing?"), "5bdcc146bf60754e");
        assert_ne!(TagKey::new(&TagKey::random_secret()).tag("a"), key.tag("a"));
        assert_eq!(format!("{key:?}"), "TagKey(…)");
    }
}
