//! Why a caller cannot be authenticated.

use crate::budget::{BudgetError, HolderKind};
use crate::catalog::RejectionReason;
use crate::ram::Caller;

use super::issuer::SecurityTokenError;
use super::jwt::TokenError;
use super::replay::NonceError;

/// Why a caller cannot be authenticated. The text is sent to the caller if the answer has room for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
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
    #[error("`{0}` belongs to another signature scheme: send it where the scheme in use expects it")]
    WrongPlace(&'static str),
    #[error("the `Authorization` header is malformed: {0}")]
    MalformedAuthorization(&'static str),
    #[error("the header `{0}` must be listed in SignedHeaders")]
    Unsigned(String),
    #[error("SignedHeaders lists `{0}`, which the request must carry exactly once, as UTF-8 text")]
    NoSuchHeader(String),
    #[error("`x-acs-content-sha256` is not the digest of the body")]
    Digest,
    #[error("The specified Access Key ID does not exist.")]
    UnknownKey,
    #[error(
        "this gateway did not issue the temporary key and cannot verify it: exchange it with `ramgate key token-file --caller-identity`, or call with a key of the gateway's key ring"
    )]
    ForeignToken,
    #[error("SecurityToken was sent with a permanent key: drop the token")]
    TokenWithPermanentKey,
    #[error("SecurityToken is mandatory for this action.")]
    MissingSecurityToken,
    #[error(transparent)]
    SecurityToken(#[from] SecurityTokenError),
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
    #[error("the specified parameter \"SignatureType\" is not valid: no token issuer is configured")]
    NoIssuers,
    #[error("a bearer token must not be sent in clear text: send it over TLS, or from this machine")]
    TokenInTheOpen,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("a nonce must have 1 to 256 printable ASCII characters")]
    MalformedNonce,
    #[error(transparent)]
    Nonce(#[from] NonceError),
    /// The signature was verified, but a budget of the caller is used up.
    #[error("{throttled}")]
    Throttled { caller: Box<Caller>, throttled: BudgetError },
}

impl IdentityError {
    /// The refusal for which the catalogue defines the answer.
    pub fn refusal(&self) -> RejectionReason {
        match self {
            Self::NoCredentials => RejectionReason::NoCredentials,
            Self::TwoSchemes(..)
            | Self::Differ(..)
            | Self::WrongPlace(_)
            | Self::NoSuchHeader(_)
            | Self::Unsigned(_) => RejectionReason::TwoReadings,
            Self::Missing(_) => RejectionReason::MissingSignaturePart,
            Self::Token(TokenError::Expired) => RejectionReason::TokenExpired,
            Self::Token(TokenError::NoKeys(_)) => RejectionReason::TokenKeysUnread,
            Self::Token(_) => RejectionReason::TokenMalformed,
            Self::NoIssuers | Self::TokenInTheOpen | Self::NotAccepted(..) | Self::MalformedAuthorization(_) => {
                RejectionReason::SignatureType
            }
            Self::UnknownKey => RejectionReason::UnknownKey,
            Self::ForeignToken => RejectionReason::ForeignToken,
            Self::TokenWithPermanentKey | Self::SecurityToken(SecurityTokenError::Mismatch) => {
                RejectionReason::TokenMismatch
            }
            Self::MissingSecurityToken => RejectionReason::TokenMissing,
            Self::SecurityToken(SecurityTokenError::Expired) => RejectionReason::TokenExpired,
            Self::SecurityToken(_) => RejectionReason::TokenMalformed,
            Self::SignatureV1 => RejectionReason::SignatureV1,
            Self::SignatureV3 | Self::Digest => RejectionReason::SignatureV3,
            Self::InactiveKey => RejectionReason::InactiveKey,
            Self::MalformedTimestamp => RejectionReason::ClockFormat,
            Self::Clock => RejectionReason::Clock,
            Self::MalformedNonce => RejectionReason::NonceMalformed,
            Self::Throttled { throttled: BudgetError { whose: HolderKind::Principal, .. }, .. } => {
                RejectionReason::ThrottledPrincipal
            }
            Self::Throttled { throttled: BudgetError { whose: HolderKind::Source, .. }, .. } => {
                RejectionReason::ThrottledSource
            }
            Self::Nonce(NonceError::Used) => RejectionReason::NonceUsed,
            Self::Nonce(NonceError::Forgotten) => RejectionReason::SignedBeforeMemory,
            Self::Nonce(NonceError::Full | NonceError::ShareUsedUp) => RejectionReason::NonceMemoryFull,
        }
    }
}
