//! What the name of a parameter says about it: reserved for the vendor's own API front end, or confidential.

use super::contents::Catalog;

/// The names, reduced to their letters: a lenient service may treat `caller_uid` as `CallerUid`.
#[derive(Clone, Debug)]
pub(super) struct InnerNames {
    names: Vec<String>,
    prefixes: Vec<String>,
}

impl InnerNames {
    pub(super) fn new(names: &[String], prefixes: &[String]) -> Self {
        let bare = |names: &[String]| names.iter().map(|name| letters(name).collect()).collect();
        Self { names: bare(names), prefixes: bare(prefixes) }
    }

    /// Whether a name is one of them, in any spelling.
    pub(super) fn contain(&self, name: &str) -> bool {
        let bare: String = letters(name).collect();
        self.names.contains(&bare) || self.prefixes.iter().any(|prefix| bare.starts_with(prefix.as_str()))
    }
}

/// The ASCII letters of a name, in lower case: the part that distinguishes it from others.
pub(super) fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase())
}

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

#[cfg(test)]
mod tests {
    use super::super::Catalog;

    #[test]
    fn spelling_does_not_matter_and_business_names_are_not_caught() {
        let catalog = Catalog::bundled();
        for inner in [
            "CallerUid",
            "calleruid",
            "Caller-Uid",
            "caller.uid.1",
            "CALLER_UID",
            "Ali_Uid",
            "aliUid",
            "Source.Address",
            "proxy_original_source_ip",
            "ProxyOriginalSourceIp",
            "Proxy_trust_transport_info",
            "ak",
            "Ak_mfa_present",
            "app_ip",
            "stsTokenPrincipalId",
            "X-Forwarded-For",
            "Product",
            "account-id",
        ] {
            assert!(catalog.inner.contain(inner), "{inner}");
        }
        for business in [
            "InstanceId",
            "AddAccount.1",
            "SourceGroupOwnerAccount",
            "UserData",
            "UserCidr",
            "Username",
            "HealthCheckSourceIp",
            "SourceCidrIp",
            "SecurityGroupId",
            "ProductCode",
            "TargetCopyRegions",
        ] {
            assert!(!catalog.inner.contain(business), "{business}");
        }
    }
}
