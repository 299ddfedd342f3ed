//! Why no key is issued, and which answer goes with it.

use crate::catalog::Refusal;
use crate::identity::{NoKeyInForce, TokenFault};
use crate::pdp::Unassumed;

use super::direct_request::IndirectRequest;

#[derive(Debug, thiserror::Error)]
pub(in super::super) enum StsFault {
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
    Token(#[from] TokenFault),
    /// Somebody with a token, or by where they stand.
    #[error(transparent)]
    Federation(Unassumed),
    #[error(transparent)]
    Assumption(Unassumed),
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
    NoKey(#[from] NoKeyInForce),
}

impl StsFault {
    pub(in super::super) fn refusal(&self) -> Refusal {
        match self {
            Self::Open => Refusal::NeedSsl,
            Self::Missing(_) => Refusal::MissingParameter,
            Self::Unknown(_) => Refusal::UnknownParameter,
            Self::RoleArn => Refusal::RoleArn,
            Self::SessionName => Refusal::RoleSessionName,
            Self::Duration(_) => Refusal::DurationSeconds,
            Self::PolicySyntax(_) => Refusal::SessionPolicySyntax,
            Self::PolicySize(..) => Refusal::SessionPolicySize,
            Self::Provider | Self::Federation(_) => Refusal::FederationDenied,
            Self::Token(TokenFault::Expired) => Refusal::OidcTokenExpired,
            Self::Token(TokenFault::NoKeys(_)) => Refusal::TokenKeysUnread,
            Self::Token(_) => Refusal::OidcToken,
            Self::Assumption(_) | Self::Address(_) | Self::Indirect(_) => Refusal::AssumptionDenied,
            Self::NoUri => Refusal::MalformedParameter,
            Self::NoExchange | Self::CallerIdentity(_) | Self::Unconfirmed(_) => Refusal::CallerIdentity,
            Self::StsUnreachable(_) | Self::NoKey(_) => Refusal::IssuingUnavailable,
        }
    }

    /// What was judged, where something was.
    pub(in super::super) fn unassumed(&self) -> Option<&Unassumed> {
        match self {
            Self::Federation(unassumed) | Self::Assumption(unassumed) => Some(unassumed),
            _ => None,
        }
    }
}
