//! The sealed contents of a security token.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::ram::{Origin, Session};
use ram_policy::{Principal, PrincipalName};

use super::Grant;

/// The names are short because a token is sent with every call.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed<'a> {
    #[serde(rename = "k")]
    key: Cow<'a, str>,
    /// `1234567890123456:role/terway`
    #[serde(rename = "p")]
    principal: Cow<'a, str>,
    #[serde(rename = "n")]
    name: Cow<'a, str>,
    #[serde(rename = "e")]
    expires: i64,
    #[serde(rename = "o")]
    origin: SealedOrigin<'a>,
    #[serde(rename = "y", skip_serializing_if = "Option::is_none")]
    policy: Option<Cow<'a, str>>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
enum SealedOrigin<'a> {
    #[serde(rename = "t")]
    Token(Cow<'a, str>, Cow<'a, str>),
    #[serde(rename = "a")]
    AccessKey(Cow<'a, str>, Cow<'a, str>),
    #[serde(rename = "n")]
    Address(IpAddr),
    #[serde(rename = "i")]
    CallerIdentity(Cow<'a, str>),
    #[serde(rename = "c")]
    Certificate(Cow<'a, str>),
}

impl<'a> Sealed<'a> {
    pub(super) fn new(grant: &'a Grant) -> Self {
        let session = &grant.session;
        Self {
            key: session.key.as_str().into(),
            principal: grant.principal.to_string().into(),
            name: session.name.as_str().into(),
            expires: session.expires.as_second(),
            origin: match &session.origin {
                Origin::Token { issuer, subject } => SealedOrigin::Token((**issuer).into(), (**subject).into()),
                Origin::AccessKey { id, arn } => SealedOrigin::AccessKey(id.as_str().into(), (**arn).into()),
                Origin::Address(address) => SealedOrigin::Address(*address),
                Origin::CallerIdentity(arn) => SealedOrigin::CallerIdentity((**arn).into()),
                Origin::Certificate(arn) => SealedOrigin::Certificate((**arn).into()),
            },
            policy: grant.policy.as_deref().map(Cow::Borrowed),
        }
    }

    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("text and numbers make JSON")
    }

    /// The principal and the session. `None` if a value is malformed, which can happen only if another version of this
    /// program sealed it.
    pub(super) fn session(&self) -> Option<(Principal, Session)> {
        let principal = self.principal.parse::<PrincipalName>().ok()?.in_account(None)?;
        let origin = match &self.origin {
            SealedOrigin::Token(issuer, subject) => {
                Origin::Token { issuer: (&**issuer).into(), subject: (&**subject).into() }
            }
            SealedOrigin::AccessKey(id, arn) => Origin::AccessKey { id: id.parse().ok()?, arn: (&**arn).into() },
            SealedOrigin::Address(address) => Origin::Address(*address),
            SealedOrigin::CallerIdentity(arn) => Origin::CallerIdentity((&**arn).into()),
            SealedOrigin::Certificate(arn) => Origin::Certificate((&**arn).into()),
        };
        let expires = Timestamp::from_second(self.expires).ok()?;
        let (name, key) = (self.name.parse().ok()?, self.key.parse().ok()?);
        let session = Session { name, key, expires, origin, narrowed_by: None };
        Some((principal, session))
    }

    pub(super) fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }
}
