//! Who calls: signatures, keys, tokens, the clock window, the nonce memory.
//!
//! Turns a borrowed view of a request, and the time it is told, into a [`Caller`](crate::ram::Caller). Exactly one
//! scheme, or a refusal. Must not know: policies, operations, sockets, files, the clock.

mod anonymous;
mod authenticate;
mod bearer;
mod caller_identity;
mod canonical;
mod certificate;
mod claim;
mod claimed;
mod clock;
mod fault;
mod issuer;
mod jwks;
mod jwt;
mod keyring;
mod nonce_table;
mod replay;
mod secret;
mod signed;
mod v1;
mod v3;

pub use anonymous::AnonymousClaim;
pub use authenticate::{Authenticated, Authenticator, Channel, NonceBudget};
pub use bearer::BearerClaim;
pub use caller_identity::SignedIdentity;
pub use canonical::{CanonicalQuery, StringToSign, canonical_query};
pub use certificate::CertificateClaim;
pub use claim::Claim;
pub use claimed::Claimed;
pub use clock::{Clock, ClockFault, format_timestamp, parse_timestamp};
pub use fault::IdentityFault;
pub use issuer::{
    Grant, Issued, Issuer, IssuerKeyRing, LONGEST_LIFE, NewIssuerKey, NoKeyInForce, Opened, SecurityTokenFault,
};
pub use jwks::{KeySetFault, TokenKeys};
pub use jwt::{
    FixedKeys, KeySource, NotBefore, TokenAlgorithm, TokenFault, TokenIssuer, TokenMapping, VerifiedToken, verify_token,
};
pub use keyring::{Credential, KeyRing, KeyStatus, KnownKey, SecretPlace, WithoutSecret};
pub use nonce_table::{DigestKey, Moment, NonceTable, NonceUse};
pub use replay::{InMemoryNonces, NonceFault, NonceLimits, NonceMemory, SignedNonce};
pub use secret::Secret;
pub use signed::Signed;
pub use v1::{SignedQuery, V1Claim, sign_v1};
pub use v3::{Algorithm, CanonicalRequest, MalformedPublicKey, RsaKey, UnsignedV3, V3Claim, sign_v3};
