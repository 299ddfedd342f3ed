//! Why a caller is not known. The text is what the caller is told, where the answer leaves room for it.

use crate::budget::{Throttled, Whose};
use crate::catalog::Refusal;
use crate::ram::Caller;

use super::issuer::SecurityTokenFault;
use super::jwt::TokenFault;
use super::replay::NonceFault;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    #[error("The input parameter \"AccessKeyId\" that is mandatory for processing this request is not supplied.")]
    NoCredentials,
    #[error("the call carries {0} and {1}: use one scheme")]
    TwoSchemes(&'static str, &'static str),
    #[error("The input parameter \"{0}\" that is mandatory for processing this request is not supplied.")]
    Missing(&'static str),
    #[error("the specified parameter \"{0}\" is not valid: {1}")]
    NotAccepted(&'static str, &'static str),
    #[error("`{0}` and `{1}` differ: send one value")]
    Differ(&'static str, &'static str),
    #[error("`{0}` belongs to the other signature scheme: send it where the scheme in use reads it")]
    WrongPlace(&'static str),
    #[error("the `Authorization` header is malformed: {0}")]
    MalformedAuthorization(&'static str),
    #[error("the header `{0}` must be among SignedHeaders")]
    Unsigned(String),
    #[error("SignedHeaders names `{0}`, which the request does not carry once, as text")]
    NoSuchHeader(String),
    #[error("`x-acs-content-sha256` is not the digest of the body")]
    Digest,
    #[error("The specified Access Key ID does not exist.")]
    UnknownKey,
    #[error(
        "the temporary key was not issued by this gateway, which cannot verify it: exchange it with `ramgate key token-file --caller-identity`, or call with a key of the gateway's key ring"
    )]
    ForeignToken,
    #[error("SecurityToken was sent with a permanent key: drop the token")]
    TokenWithPermanentKey,
    #[error("SecurityToken is mandatory for this action.")]
    MissingSecurityToken,
    #[error(transparent)]
    SecurityToken(#[from] SecurityTokenFault),
    #[error("the V1 signature does not match")]
    SignatureV1,
    #[error("the V3 signature does not match")]
    SignatureV3,
    #[error("the key is inactive")]
    InactiveKey,
    #[error("the timestamp is malformed")]
    MalformedTimestamp,
    #[error("the timestamp is outside the accepted window")]
    Clock,
    #[error(
        "the specified parameter \"SignatureType\" is not valid: no issuer is configured whose tokens are accepted"
    )]
    NoIssuers,
    #[error("a bearer token can be read on the way: send it over TLS, or from this machine")]
    TokenInTheOpen,
    #[error(transparent)]
    Token(#[from] TokenFault),
    #[error("a nonce is 1 to 256 printable ASCII characters")]
    MalformedNonce,
    #[error(transparent)]
    Nonce(#[from] NonceFault),
    /// The signature is the caller's, whose budget is used up.
    #[error("{throttled}")]
    Throttled { caller: Box<Caller>, throttled: Throttled },
}

impl IdentityFault {
    /// Which line of the catalogue's data says what is answered.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NoCredentials => Refusal::NoCredentials,
            Self::TwoSchemes(..)
            | Self::Differ(..)
            | Self::WrongPlace(_)
            | Self::NoSuchHeader(_)
            | Self::Unsigned(_) => Refusal::TwoReadings,
            Self::Missing(_) => Refusal::MissingSignaturePart,
            Self::Token(TokenFault::Expired) => Refusal::TokenExpired,
            Self::Token(TokenFault::NoKeys(_)) => Refusal::TokenKeysUnread,
            Self::Token(_) => Refusal::TokenMalformed,
            Self::NoIssuers | Self::TokenInTheOpen | Self::NotAccepted(..) | Self::MalformedAuthorization(_) => {
                Refusal::SignatureType
            }
            Self::UnknownKey => Refusal::UnknownKey,
            Self::ForeignToken => Refusal::ForeignToken,
            Self::TokenWithPermanentKey | Self::SecurityToken(SecurityTokenFault::Mismatch) => Refusal::TokenMismatch,
            Self::MissingSecurityToken => Refusal::TokenMissing,
            Self::SecurityToken(SecurityTokenFault::Expired) => Refusal::TokenExpired,
            Self::SecurityToken(_) => Refusal::TokenMalformed,
            Self::SignatureV1 => Refusal::SignatureV1,
            Self::SignatureV3 | Self::Digest => Refusal::SignatureV3,
            Self::InactiveKey => Refusal::InactiveKey,
            Self::MalformedTimestamp => Refusal::ClockFormat,
            Self::Clock => Refusal::Clock,
            Self::MalformedNonce => Refusal::NonceMalformed,
            Self::Throttled { throttled: Throttled { whose: Whose::Principal, .. }, .. } => Refusal::ThrottledPrincipal,
            Self::Throttled { throttled: Throttled { whose: Whose::Source, .. }, .. } => Refusal::ThrottledSource,
            Self::Nonce(NonceFault::Used) => Refusal::NonceUsed,
            Self::Nonce(NonceFault::Forgotten) => Refusal::SignedBeforeMemory,
            Self::Nonce(NonceFault::Full | NonceFault::ShareUsedUp) => Refusal::NonceMemoryFull,
        }
    }
}
