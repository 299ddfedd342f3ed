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
    /// The call has no credential at all.
    #[error("The input parameter \"AccessKeyId\" that is mandatory for processing this request is not supplied.")]
    NoCredentials,
    /// The call has parts of two schemes, or two tokens. Contains both, in words.
    #[error("the call carries {0} and {1}: use one scheme")]
    TwoSchemes(&'static str, &'static str),
    /// A part that the scheme requires is missing or empty. Contains its name.
    #[error("The input parameter \"{0}\" that is mandatory for processing this request is not supplied.")]
    Missing(&'static str),
    /// A part of the scheme has a value that the gateway does not accept. Contains its name and the reason.
    #[error("the specified parameter \"{0}\" is not valid: {1}")]
    NotAccepted(&'static str, &'static str),
    /// Two places of the call state different values, or one header occurs twice. Contains the names.
    #[error("`{0}` and `{1}` differ: send one value")]
    Differ(&'static str, &'static str),
    /// The call has a parameter or header that only another scheme uses. Contains its name.
    #[error("`{0}` belongs to another signature scheme: send it where the scheme in use expects it")]
    WrongPlace(&'static str),
    /// The header `Authorization` does not have the form of V3. Contains the reason.
    #[error("the `Authorization` header is malformed: {0}")]
    MalformedAuthorization(&'static str),
    /// A header that V3 must sign was sent but not signed. Contains its name.
    #[error("the header `{0}` must be listed in SignedHeaders")]
    Unsigned(String),
    /// `SignedHeaders` lists a header that was not sent, was sent twice, or is not UTF-8. Contains its name.
    #[error("SignedHeaders lists `{0}`, which the request must carry exactly once, as UTF-8 text")]
    NoSuchHeader(String),
    /// V3: the body is not the one whose digest was signed.
    #[error("`x-acs-content-sha256` is not the digest of the body")]
    Digest,
    /// The key is not in the key ring, and its id does not look like that of a temporary key.
    #[error("The specified Access Key ID does not exist.")]
    UnknownKey,
    /// The key's id begins with `STS.`, but this gateway did not issue the key.
    #[error(
        "this gateway did not issue the temporary key and cannot verify it: exchange it with `ramgate key \
         token-file --caller-identity`, or call with a key of the gateway's key ring"
    )]
    ForeignToken,
    /// A security token was sent with a key of the key ring.
    #[error("SecurityToken was sent with a permanent key: drop the token")]
    TokenWithPermanentKey,
    /// The key's id begins with `STS.` and the gateway issues keys, but no security token was sent.
    #[error("SecurityToken is mandatory for this action.")]
    MissingSecurityToken,
    /// The security token of a temporary key is refused.
    #[error(transparent)]
    SecurityToken(#[from] SecurityTokenError),
    /// The named key did not make the V1 signature of this call.
    #[error("the V1 signature does not match")]
    SignatureV1,
    /// The named key did not make the V3 signature of this call.
    #[error("the V3 signature does not match")]
    SignatureV3,
    /// The key ring declares the key inactive.
    #[error("the key is inactive")]
    InactiveKey,
    /// The date of the call does not have the form `yyyy-MM-ddTHH:mm:ssZ`.
    #[error("the timestamp is malformed")]
    MalformedTimestamp,
    /// The date of the call differs from the gateway's clock by more than [`Clock::skew`](super::Clock::skew).
    #[error("the timestamp is outside the accepted window")]
    Clock,
    /// A bearer token was sent, but no issuer's tokens are accepted.
    #[error("the specified parameter \"SignatureType\" is not valid: no token issuer is configured")]
    NoIssuers,
    /// A bearer token was sent over an open channel.
    #[error("a bearer token must not be sent in clear text: send it over TLS, or from this machine")]
    TokenInTheOpen,
    /// The bearer token is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The nonce is empty, longer than 256 characters, or not printable ASCII.
    #[error("a nonce must have 1 to 256 printable ASCII characters")]
    MalformedNonce,
    /// The signature was verified, but the nonce is not accepted.
    #[error(transparent)]
    Nonce(#[from] NonceError),
    /// The signature was verified, but a budget of the caller is used up.
    #[error("{throttled}")]
    Throttled {
        /// The verified caller, to which the attempt is charged.
        caller: Box<Caller>,
        /// The budget.
        throttled: BudgetError,
    },
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
