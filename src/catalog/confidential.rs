//! Which parameters hold confidential values.

use super::contents::Catalog;
use super::inner_names::letters;

/// Parts of names under which a caller might send a credential by mistake.
const CREDENTIALS: [&str; 4] = ["secret", "signature", "securitytoken", "authorization"];
/// Parts of names whose values must not be logged: passwords, private keys, and scripts that may contain either.
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
/// The same for whole names: `ClientToken` and `NextToken` are not secrets.
const WHOLE: [&str; 3] = ["token", "pwd", "cookie"];

impl Catalog {
    /// Whether a name is a protocol parameter or looks like a misspelling of one. Case and separators are ignored.
    pub fn may_be_credential(&self, name: &str) -> bool {
        if self.is_protocol_parameter(name) {
            return true;
        }
        let bare: String = letters(name).collect();
        CREDENTIALS.iter().any(|word| bare.contains(word))
            || self.protocol_parameters.iter().any(|own| letters(own).eq(bare.chars()))
    }

    /// Whether the value of a parameter must not be logged.
    pub fn is_confidential(&self, name: &str) -> bool {
        let bare: String = letters(name).collect();
        SECRETS.iter().any(|word| bare.contains(word)) || WHOLE.contains(&bare.as_str()) || self.may_be_credential(name)
    }
}
