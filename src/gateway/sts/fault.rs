//! Why no key is issued, and which answer goes with it.

use crate::catalog::RejectionReason;
use crate::identity::{NoValidKeyError, TokenError};
use crate::pdp::AssumeRoleError;

use super::direct_request::IndirectRequest;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StsError {
    #[error("keys are handed out over TLS, or on this machine: this connection is neither")]
    Open,
    #[error("The input parameter \"{0}\" that is mandatory for processing this request is not supplied.")]
    Missing(&'static str),
    #[error("the parameter `{0}` does not belong to this operation")]
    Unknown(String),
    #[error("the parameter RoleArn is no ARN of a role: write `acs:ram::ACCOUNT:role/NAME`")]
    RoleArn,
    #[error("the parameter RoleSessionName has 2 to 64 letters, digits, `.`, `@`, `-` or `_`")]
    SessionName,
    #[error("The Min/Max value of DurationSeconds is 900/{0}.")]
    Duration(u64),
    #[error("the parameter Policy has not passed grammar check: {0}")]
    PolicySyntax(String),
    #[error("the parameter Policy has {0} characters, and at most {1} go")]
    PolicySize(usize, usize),
    #[error("the parameter OIDCProviderArn names no provider of this gateway in the role's account")]
    Provider,
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Somebody with a token, or by where they stand.
    #[error(transparent)]
    Federation(AssumeRoleError),
    #[error(transparent)]
    Assumption(AssumeRoleError),
    #[error("this gateway exchanges no keys of the real STS: see `[identity.issuer.exchange]`")]
    NoExchange,
    #[error("the parameter CallerIdentity {0}")]
    CallerIdentity(&'static str),
    #[error("STS does not confirm the caller's identity: {0}")]
    Unconfirmed(String),
    #[error("STS cannot be asked who the caller is: {0}")]
    StsUnreachable(String),
    #[error("there are no credentials at this path: GET one that `[[identity.issuer.credentials.uri]]` names")]
    NoUri,
    #[error(transparent)]
    Indirect(#[from] IndirectRequest),
    #[error("`{0}` is not among the addresses that get credentials at this path")]
    Address(std::net::IpAddr),
    #[error(transparent)]
    NoKey(#[from] NoValidKeyError),
}

impl StsError {
    pub(crate) fn refusal(&self) -> RejectionReason {
        match self {
            Self::Open => RejectionReason::NeedSsl,
            Self::Missing(_) => RejectionReason::MissingParameter,
            Self::Unknown(_) => RejectionReason::UnknownParameter,
            Self::RoleArn => RejectionReason::RoleArn,
            Self::SessionName => RejectionReason::RoleSessionName,
            Self::Duration(_) => RejectionReason::DurationSeconds,
            Self::PolicySyntax(_) => RejectionReason::SessionPolicySyntax,
            Self::PolicySize(..) => RejectionReason::SessionPolicySize,
            Self::Provider | Self::Federation(_) => RejectionReason::FederationDenied,
            Self::Token(TokenError::Expired) => RejectionReason::OidcTokenExpired,
            Self::Token(TokenError::NoKeys(_)) => RejectionReason::TokenKeysUnread,
            Self::Token(_) => RejectionReason::OidcToken,
            Self::Assumption(_) | Self::Address(_) | Self::Indirect(_) => RejectionReason::AssumptionDenied,
            Self::NoUri => RejectionReason::MalformedParameter,
            Self::NoExchange | Self::CallerIdentity(_) | Self::Unconfirmed(_) => RejectionReason::CallerIdentity,
            Self::StsUnreachable(_) | Self::NoKey(_) => RejectionReason::IssuingUnavailable,
        }
    }

    /// What was judged, where something was.
    pub(crate) fn unassumed(&self) -> Option<&AssumeRoleError> {
        match self {
            Self::Federation(unassumed) | Self::Assumption(unassumed) => Some(unassumed),
            _ => None,
        }
    }
}
