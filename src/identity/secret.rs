//! A secret that cannot be printed.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// The private half of an AccessKey. Wiped when dropped; comparable only in constant time.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// A secret that nobody knows: 256 random bits.
    ///
    /// # Panics
    /// When the system has no randomness to give: nothing that needs it may go on then.
    pub fn random() -> Self {
        Self::new(Self::random_text())
    }

    /// The text of one, for whoever must hand it on to a caller.
    ///
    /// # Panics
    /// As [`Secret::random`].
    pub fn random_text() -> String {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
        STANDARD.encode(bytes)
    }

    /// Compares without telling by its duration where two secrets differ.
    pub fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.expose().as_bytes(), other.expose().as_bytes()).is_ok()
    }

    /// The text itself, for whoever must compute with it.
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
