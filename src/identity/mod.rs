//! Authentication: signatures, keys, tokens, the clock window, the nonce memory.
//!
//! Turns a borrowed view of a request and the current time into a [`Caller`](crate::ram::Caller). A call must use
//! exactly one scheme. Must not know: policies, operations, sockets, files, the clock.

mod authenticate;
mod bearer;
mod caller_identity;
mod canonical;
mod claim;
mod clock;
mod error;
mod issuer;
mod jwks;
mod jwt;
mod keyring;
mod nonce_table;
mod replay;
mod secret;
mod signed;
mod unsigned;
mod v1;
mod v3;

pub use authenticate::{Authenticated, Authenticator, Channel, NonceBudget};
pub use bearer::BearerClaim;
pub use caller_identity::SignedIdentity;
pub use canonical::{CanonicalQuery, StringToSign, canonical_query};
pub use claim::Claim;
pub use clock::{Clock, ClockError, format_timestamp, parse_timestamp};
pub use error::IdentityError;
pub(crate) use issuer::LONGEST_LIFE;
pub use issuer::{
    Grant, Issued, Issuer, IssuerKeyRing, NewIssuerKey, NoValidKeyError, OpenedToken, SecurityTokenError,
};
pub use jwks::{KeySetError, TokenKeys};
pub use jwt::{
    FixedKeys, KeySource, NotBefore, TokenAlgorithm, TokenError, TokenIssuer, TokenMapping, VerifiedToken, verify_token,
};
pub use keyring::{Credential, KeyRing, KeyStatus, SecretPlace, WithoutSecret};
pub(crate) use nonce_table::{DigestKey, Moment, NonceTable, NonceUse};
pub use replay::{InMemoryNonces, NonceError, NonceLimits, NonceMemory, SignedNonce};
pub use secret::Secret;
pub use signed::{ClaimFields, Signed};
pub(crate) use unsigned::{AnonymousClaim, CertificateClaim};
pub use v1::{SignedQuery, V1Claim, sign_v1};
pub use v3::{Algorithm, CanonicalRequest, PublicKeyError, RsaKey, UnsignedV3, V3Claim, sign_v3};
