//! Who called, as proved by a credential or, where nobody here can tell, as claimed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::principal::Principal;
use super::session::Session;

/// Whom a call is judged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub principal: Principal,
    pub proof: Proof,
    pub scheme: Scheme,
}

/// By what a caller was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    AccessKey(AccessKeyId),
    /// By nothing yet: the call names a key whose secret is not known here. Whoever has the call next verifies it.
    ClaimedKey(AccessKeyId),
    /// A token that this issuer made for this subject.
    Token {
        issuer: Arc<str>,
        subject: Arc<str>,
    },
    /// The certificate of the connection.
    Certificate,
    /// A temporary key that the gateway issued.
    Session(Arc<Session>),
}

/// How the call proves its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `SignatureVersion=1.0`, HMAC-SHA1, everything in parameters.
    V1,
    /// `Authorization: ACS3-HMAC-SHA256 …`.
    V3,
    /// A token of an issuer; nothing is signed by the caller.
    Bearer,
    /// Not at all: the connection's certificate says who calls.
    Certificate,
}

/// The public half of an AccessKey: 1 to 128 letters, digits, `.`, `_` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessKeyId(Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no AccessKey id: 1 to 128 letters, digits, `.`, `_` or `-`")]
pub struct MalformedAccessKeyId(pub String);

impl Proof {
    /// Whether the caller is who it says, as far as this program can tell.
    pub fn is_verified(&self) -> bool {
        !matches!(self, Self::ClaimedKey(_))
    }
}

impl AccessKeyId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Prefix and last four characters, the rest as stars: the form that may be logged (`spec/ecs-eni.md` C.4).
    pub fn masked(&self) -> String {
        Self::mask(&self.0)
    }

    /// The same for a claimed id that may not even be well formed. Bounded in length.
    pub fn mask(text: &str) -> String {
        const LONGEST: usize = 64;
        let length = text.chars().count().min(LONGEST);
        if length <= 8 {
            return "*".repeat(length);
        }
        let start = |at| text.char_indices().nth(at).map_or(text.len(), |(offset, _)| offset);
        let (head, tail) = (&text[..start(4)], &text[start(text.chars().count() - 4)..]);
        format!("{head}{:*<1$}{tail}", "", length - 8)
    }
}

impl FromStr for AccessKeyId {
    type Err = MalformedAccessKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=128).contains(&text.len()) && text.bytes().all(character) {
            Ok(Self(text.into()))
        } else {
            Err(MalformedAccessKeyId(text.into()))
        }
    }
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V3 => "V3",
            Self::Bearer => "BEARER",
            Self::Certificate => "certificate",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_id_keeps_both_ends() {
        assert_eq!("LTAI5tDemoAlice00000".parse::<AccessKeyId>().unwrap().masked(), "LTAI************0000");
        assert_eq!(AccessKeyId::mask("short"), "*****");
        assert_eq!(AccessKeyId::mask(&"x".repeat(500)).chars().count(), 64);
    }
}
