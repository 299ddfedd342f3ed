//! Which parameters hold what is for nobody's eyes.

use super::load::Catalog;

/// What a hurried caller might write a credential under.
const CREDENTIALS: [&str; 4] = ["secret", "signature", "securitytoken", "authorization"];
/// What operations take that belongs in no log: passwords, private keys, and scripts with either in them.
const SECRETS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "privatekey",
    "userdata",
    "psk",
    "ikeconfig",
    "oidctoken",
    "accesstoken",
    "sessiontoken",
    "idtoken",
    "calleridentity",
    "credential",
    "apikey",
];
/// The same, where it is the whole name: `ClientToken` and `NextToken` are no secrets.
const WHOLE: [&str; 3] = ["token", "pwd", "cookie"];

impl Catalog {
    /// Whether a name is the protocol's, or one that a hurried caller might write for it. Case and separators do not
    /// count.
    pub fn may_be_credential(&self, name: &str) -> bool {
        if self.is_protocol_parameter(name) {
            return true;
        }
        let bare: String = letters(name).collect();
        CREDENTIALS.iter().any(|word| bare.contains(word))
            || self.protocol_parameters.iter().any(|own| letters(own).eq(bare.chars()))
    }

    /// Whether the value of a parameter must not be written down.
    pub fn is_confidential(&self, name: &str) -> bool {
        let bare: String = letters(name).collect();
        SECRETS.iter().any(|word| bare.contains(word)) || WHOLE.contains(&bare.as_str()) || self.may_be_credential(name)
    }
}

/// A name without what does not count.
pub(super) fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase())
}
