//! The caller, as proved by a credential or merely as claimed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::session::Session;
use ram_policy::Principal;

/// The principal that a call is judged for, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The principal whose policies apply to the call.
    pub principal: Principal,
    /// How the principal is known, and whether the gateway verified it.
    pub proof: KnownBy,
    /// How the call carries its credential.
    pub scheme: Scheme,
}

/// The credential by which a caller is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// A key of the key ring. The gateway verified the call's signature.
    AccessKey(AccessKeyId),
    /// Not verified: the call names a key whose secret is not known here. The upstream verifies the signature.
    ClaimedKey(AccessKeyId),
    /// A token that this issuer issued to this subject.
    Token {
        /// The `iss` claim.
        issuer: Arc<str>,
        /// The `sub` claim.
        subject: Arc<str>,
    },
    /// The certificate of the connection.
    Certificate,
    /// A temporary key that this gateway issued.
    Session(Arc<Session>),
}

/// How the call authenticates its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `SignatureVersion=1.0`, HMAC-SHA1, everything in parameters.
    V1,
    /// `Authorization: ACS3-HMAC-SHA256 …`.
    V3,
    /// A bearer token; the call is not signed.
    Bearer,
    /// The connection's client certificate identifies the caller; the call has no credential of its own.
    Certificate,
}

/// The public part of an AccessKey: 1 to 128 letters, digits, `.`, `_` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessKeyId(Arc<str>);

/// A text is not a valid AccessKey id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid AccessKey id: use 1 to 128 letters, digits, `.`, `_` or `-`")]
pub struct AccessKeyIdError(pub String);

impl KnownBy {
    /// Whether the gateway verified the caller's identity.
    pub fn is_verified(&self) -> bool {
        !matches!(self, Self::ClaimedKey(_))
    }
}

impl AccessKeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first and last four characters, with stars between them: the form that may be logged
    /// (`docs/spec/ecs-eni.md` C.4).
    pub fn masked(&self) -> String {
        Self::mask(&self.0)
    }

    /// The same for a claimed id, which may be malformed. The length is bounded.
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
    type Err = AccessKeyIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=128).contains(&text.len()) && text.bytes().all(character) {
            Ok(Self(text.into()))
        } else {
            Err(AccessKeyIdError(text.into()))
        }
    }
}

impl Scheme {
    /// The name in the audit log.
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
