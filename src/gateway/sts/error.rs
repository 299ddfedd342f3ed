//! Why a call of STS is rejected, and the reason under which it is answered.

use crate::catalog::RejectionReason;
use crate::identity::{NoValidKeyError, TokenError};
use crate::pdp::AssumeRoleError;

use super::direct_request::IndirectRequest;

/// Why a call of STS, or a request for credentials, is rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StsError {
    #[error("keys are handed out only over TLS or on this machine: use TLS")]
    Open,
    #[error("The input parameter \"{0}\" that is mandatory for processing this request is not supplied.")]
    Missing(&'static str),
    #[error("the parameter `{0}` does not belong to this operation")]
    Unknown(String),
    #[error("the parameter RoleArn is not the ARN of a role: write `acs:ram::ACCOUNT:role/NAME`")]
    RoleArn,
    #[error("the parameter RoleSessionName must consist of 2 to 64 letters, digits, `.`, `@`, `-` or `_`")]
    SessionName,
    #[error("The Min/Max value of DurationSeconds is 900/{0}.")]
    Duration(u64),
    #[error("the parameter Policy has not passed grammar check: {0}")]
    PolicySyntax(String),
    #[error("the parameter Policy is {0} characters long; the limit is {1}")]
    PolicySize(usize, usize),
    #[error("the parameter OIDCProviderArn does not name a provider of this gateway in the role's account")]
    Provider,
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The caller presented a token, or is identified by its address.
    #[error(transparent)]
    Federation(AssumeRoleError),
    /// The caller is a principal.
    #[error(transparent)]
    Assumption(AssumeRoleError),
    #[error("this gateway does not exchange keys of the real STS: see `[identity.issuer.exchange]`")]
    NoExchange,
    #[error("the parameter CallerIdentity {0}")]
    CallerIdentity(&'static str),
    #[error("STS does not confirm the caller's identity: {0}")]
    Unconfirmed(String),
    #[error("STS cannot be asked who the caller is: {0}")]
    StsUnreachable(String),
    #[error("there are no credentials at this path: GET a path that `[[identity.issuer.credentials.uri]]` names")]
    NoUri,
    #[error(transparent)]
    Indirect(#[from] IndirectRequest),
    #[error("the address `{0}` may not get credentials at this path: add it to `from` if it should")]
    Address(std::net::IpAddr),
    #[error(transparent)]
    NoKey(#[from] NoValidKeyError),
}

impl StsError {
    /// The catalogue's reason, which determines the answer.
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

    /// The decision on the role, if the call was rejected by one.
    pub(crate) fn unassumed(&self) -> Option<&AssumeRoleError> {
        match self {
            Self::Federation(unassumed) | Self::Assumption(unassumed) => Some(unassumed),
            _ => None,
        }
    }
}
