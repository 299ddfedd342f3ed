//! Which documented answer goes with which refusal.

use std::collections::BTreeMap;

use super::error_row::ErrorRow;

/// A documented refusal as it goes out. Its status is never one of success: rows of success do not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub code: String,
    pub message: String,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// Why a call is not forwarded; `common.json` must name an answer for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Refusal {
            $($(#[$doc])* $name,)+
        }

        impl Refusal {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

refusals! {
    /// Anything that is malformed, or that two readers could read differently.
    TwoReadings,
    /// The host is not one this gateway answers for.
    Host,
    Method,
    HeadTooLarge,
    QueryTooLarge,
    BodyTooLarge,
    /// Head or body did not arrive in time.
    Slow,
    NoCredentials,
    /// A part of the signature is absent: a timestamp, a nonce.
    MissingSignaturePart,
    /// A signature method, version or type that is not accepted, or a malformed `Authorization`.
    SignatureType,
    UnknownKey,
    /// A temporary key of the real STS, which this gateway did not issue and cannot verify.
    ForeignToken,
    /// A security token with a permanent key, or with a temporary one that it does not belong to.
    TokenMismatch,
    /// A temporary key without its token.
    TokenMissing,
    TokenExpired,
    /// Any other fault of a token.
    TokenMalformed,
    /// The keys of a token's issuer were never read.
    TokenKeysUnread,
    SignatureV1,
    SignatureV3,
    InactiveKey,
    AccountNotServed,
    ClockFormat,
    Clock,
    /// A call dated in a time of which the nonce memory no longer knows every accepted call.
    SignedBeforeMemory,
    NonceUsed,
    NonceMalformed,
    NonceMemoryFull,
    UnknownOperation,
    Version,
    Format,
    MissingParameter,
    UnknownParameter,
    UnavailableParameter,
    MalformedParameter,
    MalformedRegion,
    RegionNotServed,
    /// A kind of caller that is not accepted: the account's root.
    CallerKind,
    ImplicitDeny,
    ExplicitDeny,
    /// Keys are handed out over TLS, or on this machine.
    NeedSsl,
    /// What STS answers to a malformed parameter of its own.
    RoleArn,
    RoleSessionName,
    DurationSeconds,
    SessionPolicySyntax,
    SessionPolicySize,
    OidcToken,
    OidcTokenExpired,
    /// A role that somebody with a token may not assume.
    FederationDenied,
    /// A role that a principal may not assume.
    AssumptionDenied,
    /// The real STS does not confirm who the caller says to be.
    CallerIdentity,
    /// No key can be issued at present.
    IssuingUnavailable,
    /// A policy turns on tags or groups of a resource, and they could not be read.
    FactsUnread,
    /// The gateway's own key expired, or was never had: nothing can be signed.
    OwnKey,
    /// The upstream does not accept the gateway's own key.
    OwnKeyRefused,
    /// The gateway's own user lacks a permission at the upstream.
    OwnKeyNotPermitted,
    /// The upstream took the gateway's call for a repetition of an earlier one.
    OwnCallRepeated,
    /// The audit log could not be written.
    Audit,
    UpstreamUnreachable,
    UpstreamTimeout,
    /// The upstream answered with something that must not go on: a redirect, or more than is read.
    UpstreamAnswer,
    /// A principal used up a budget of a minute.
    ThrottledPrincipal,
    /// A source, or a key that is merely claimed, used up a budget of a minute.
    ThrottledSource,
    /// The gateway has no room for the call at present.
    Overloaded,
    /// A fault of ours.
    Internal,
}

/// The answers of one operation, resolved: every refusal has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    pub(super) rows: BTreeMap<Refusal, FilledRow>,
}

/// A row, and what fills its `%s` where that is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilledRow {
    pub(super) row: ErrorRow,
    pub(super) text: Option<String>,
}

/// A code that a denial cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is no code for a denial: use one of {}", .known.join(", "))]
pub struct UnknownDenial {
    pub code: String,
    pub known: Vec<String>,
}

impl Answers {
    /// The answer for a refusal. `reason` goes into the message where the row leaves room for it.
    pub fn answer(&self, refusal: Refusal, reason: &str) -> Answer {
        let filled = &self.rows[&refusal];
        filled.answer(reason)
    }
}

impl FilledRow {
    pub(super) fn answer(&self, reason: &str) -> Answer {
        Answer {
            status: self.row.status,
            code: self.row.code.clone(),
            message: self.row.fill(self.text.as_deref().unwrap_or(reason)),
        }
    }
}

impl Refusal {
    /// As the data files write it: `two-readings`.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Whether the call was refused because a budget is used up.
    pub const fn is_throttling(self) -> bool {
        matches!(self, Self::ThrottledPrincipal | Self::ThrottledSource)
    }

    /// Whether a policy refused, as opposed to anything else.
    pub fn is_denial(self) -> bool {
        matches!(self, Self::ImplicitDeny | Self::ExplicitDeny)
    }
}
