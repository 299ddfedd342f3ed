//! A role session: a role assumed under a session name, until a given time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;

use super::caller::AccessKeyId;

/// The name that the trustee gives the session: 2 to 64 letters, digits, `.`, `@`, `-` or `_` (the vendor's page on
/// AssumeRole; the limit used to be 32).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionName(Arc<str>);

/// A text is not a valid session name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid session name: use 2 to 64 letters, digits, `.`, `@`, `-` or `_`")]
pub struct SessionNameError(pub String);

/// A session, apart from its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `RoleSessionName`, or the gateway's choice if the trustee does not give one.
    pub name: SessionName,
    /// The temporary key that was issued for it.
    pub key: AccessKeyId,
    /// From this time on, calls with the key are refused.
    pub expires: Timestamp,
    /// What the holder presented. Written to the audit log; permissions do not depend on it.
    pub origin: Origin,
    /// The digest of the session policy, if there is one.
    pub narrowed_by: Option<Arc<str>>,
}

/// What the session's holder presented to obtain its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A token that this issuer issued to this subject.
    Token {
        /// The `iss` claim.
        issuer: Arc<str>,
        /// The `sub` claim.
        subject: Arc<str>,
    },
    /// A key of the key ring or of another session.
    AccessKey {
        /// The id of the key that signed the request for the session.
        id: AccessKeyId,
        /// The ARN of the key's principal.
        arn: Arc<str>,
    },
    /// The network address of the request.
    Address(std::net::IpAddr),
    /// A key of the real STS, and the ARN that STS gave for it.
    CallerIdentity(Arc<str>),
    /// The client certificate of a connection, and the ARN of its principal.
    Certificate(Arc<str>),
}

impl Origin {
    /// The issuer and subject, if a token was presented.
    pub fn token(&self) -> Option<(&str, &str)> {
        match self {
            Self::Token { issuer, subject } => Some((issuer, subject)),
            _ => None,
        }
    }
}

impl SessionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a valid name from any text: other characters become `-`, and the text is cut to 64 characters and padded
    /// to two.
    pub fn from_lossy(text: &str) -> Self {
        let mut name: String =
            text.chars().take(64).map(|c| if c.is_ascii() && is_character(c as u8) { c } else { '-' }).collect();
        while name.len() < 2 {
            name.push('-');
        }
        Self(name.into())
    }
}

fn is_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'@' | b'-' | b'_')
}

impl FromStr for SessionName {
    type Err = SessionNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (2..=64).contains(&text.len()) && text.bytes().all(is_character) {
            Ok(Self(text.into()))
        } else {
            Err(SessionNameError(text.into()))
        }
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_characters_and_length() {
        for valid in ["ab", "terway-1", "alice@example.com", &"x".repeat(64)] {
            assert!(valid.parse::<SessionName>().is_ok(), "{valid}");
        }
        for bad in ["", "a", "a b", "a/b", "名字", &"x".repeat(65)] {
            assert!(bad.parse::<SessionName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn any_text_makes_a_name() {
        let lossy = SessionName::from_lossy("system:serviceaccount:kube-system:terway");
        assert_eq!(lossy.as_str(), "system-serviceaccount-kube-system-terway");
        for text in ["", "é", &"y".repeat(200)] {
            let name = SessionName::from_lossy(text);
            assert_eq!(name.as_str().parse::<SessionName>(), Ok(name.clone()));
        }
    }
}
