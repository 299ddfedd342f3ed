//! The documented answer to each kind of refusal.

use std::collections::BTreeMap;

/// A documented error answer, ready to be sent. The status is always 4xx or 5xx: the catalogue refuses any other row.
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
        pub enum RejectionReason {
            $($(#[$doc])* $name,)+
        }

        impl RejectionReason {
            /// Every refusal.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

refusals! {
    /// Malformed or ambiguous input, which two parsers could read differently.
    TwoReadings,
    /// The gateway does not serve this host.
    Host,
    Method,
    HeadTooLarge,
    QueryTooLarge,
    BodyTooLarge,
    /// Head or body did not arrive in time.
    Slow,
    NoCredentials,
    /// A part of the signature is missing: a timestamp or a nonce, for example.
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
    /// Any other problem with a token.
    TokenMalformed,
    /// The key set of the token's issuer has never been read.
    TokenKeysUnread,
    SignatureV1,
    SignatureV3,
    InactiveKey,
    AccountNotServed,
    ClockFormat,
    Clock,
    /// The call was signed at a time for which the nonce memory has already forgotten some accepted calls.
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
    /// Keys are issued only over TLS or on the loopback interface.
    NeedSsl,
    /// The `RoleArn` of an STS call is invalid.
    RoleArn,
    RoleSessionName,
    DurationSeconds,
    SessionPolicySyntax,
    SessionPolicySize,
    OidcToken,
    OidcTokenExpired,
    /// The holder of a token may not assume this role.
    FederationDenied,
    /// The principal may not assume this role.
    AssumptionDenied,
    /// The real STS does not confirm the caller's claimed identity.
    CallerIdentity,
    /// No issuer key is in force, so no key can be issued.
    IssuingUnavailable,
    /// A policy depends on a resource's tags or resource group, and these could not be read from ECS.
    FactsUnread,
    /// The gateway's own key has expired or was never obtained, so nothing can be signed.
    OwnKey,
    /// The upstream does not accept the gateway's own key.
    OwnKeyRefused,
    /// The gateway's own user lacks a permission at the upstream.
    OwnKeyNotPermitted,
    /// The upstream took the gateway's call for a replay of an earlier one.
    OwnCallRepeated,
    /// The audit log could not be written.
    Audit,
    UpstreamUnreachable,
    UpstreamTimeout,
    /// The upstream's answer must not be passed on: it is a redirect, or larger than the limit.
    UpstreamAnswer,
    /// A principal has used up one of its per-minute budgets.
    ThrottledPrincipal,
    /// A source, or a claimed but unverified key, has used up one of its per-minute budgets.
    ThrottledSource,
    /// The gateway is at capacity.
    Overloaded,
    /// An error in the gateway itself.
    Internal,
}

/// One row of a documented error table: status, code and message as the vendor's page prints them. In the message, `%s`
/// is a placeholder that is filled for each answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRow {
    pub status: u16,
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The answers of one operation. Every refusal has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    pub(super) rows: BTreeMap<RejectionReason, FilledRow>,
}

/// An error row, with the text for its `%s` if that text is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilledRow {
    pub(super) row: ErrorRow,
    pub(super) text: Option<String>,
}

/// The configured code is not one that a denial may carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` cannot be the code of a denial: use one of {}", .known.join(", "))]
pub struct DenialCodeError {
    pub code: String,
    pub known: Vec<String>,
}

impl Answers {
    /// The answer for a refusal. `reason` fills the message's placeholder, if the row has one and no fixed text for it.
    pub fn answer(&self, refusal: RejectionReason, reason: &str) -> Answer {
        let filled = &self.rows[&refusal];
        filled.answer(reason)
    }
}

impl ErrorRow {
    /// The message, with its `%s` replaced by `text`.
    pub fn fill(&self, text: &str) -> String {
        self.message.replacen("%s", text, 1)
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

impl RejectionReason {
    /// The spelling in the data files: `two-readings`.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Whether the call was refused because a budget was used up.
    pub const fn is_throttling(self) -> bool {
        matches!(self, Self::ThrottledPrincipal | Self::ThrottledSource)
    }

    /// Whether a policy denied the call.
    pub fn is_denial(self) -> bool {
        matches!(self, Self::ImplicitDeny | Self::ExplicitDeny)
    }
}
