//! A secret that cannot be printed.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// The secret part of an AccessKey. Wiped when dropped; comparable only in constant time.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// A new secret of 256 random bits.
    ///
    /// # Panics
    /// If the system cannot provide random bytes.
    pub fn random() -> Self {
        Self::new(Self::random_text())
    }

    /// The text of a new secret, for code that must send it to a caller.
    ///
    /// # Panics
    /// As [`Secret::random`].
    pub fn random_text() -> String {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
        STANDARD.encode(bytes)
    }

    /// Compares two secrets in constant time.
    pub fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.expose().as_bytes(), other.expose().as_bytes()).is_ok()
    }

    /// The text of the secret, for computing signatures.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert!(secret.is(&Secret::new("hunter2")) && !secret.is(&Secret::new("hunter3")));
    }
}
