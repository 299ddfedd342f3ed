//! The scheme of a call and the identity it claims, before anything is verified.

use crate::ram::Scheme;

use super::bearer::BearerClaim;
use super::error::IdentityError;
use super::keyring::Credential;
use super::signed::{ClaimFields, Signed};
use super::v1::V1Claim;
use super::v3::{Algorithm, V3Claim};

/// The only credential of a call.
#[derive(Clone, Debug)]
pub enum Claim<'a> {
    /// A signature in the parameter `Signature`.
    V1(V1Claim<'a>),
    /// A signature in the header `Authorization`, with `ACS3-HMAC-SHA256`.
    V3(V3Claim<'a>),
    /// A token in a header or parameter.
    Bearer(BearerClaim<'a>),
}

impl<'a> Claim<'a> {
    /// Finds the call's scheme and reads its parts.
    ///
    /// # Errors
    /// No scheme, two schemes, a scheme that is not accepted here, or a part of it that is missing or contradicts
    /// another (`docs/spec/wire-protocol.md` 8, rows 4, 5, 26 to 28, 30, 34).
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityError> {
        let value = |name: &str| signed.parameters.value(name);
        let authorization = signed.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if BearerClaim::is_in(signed) {
            return Ok(Self::Bearer(BearerClaim::read(signed)?));
        }
        let v1 = value("Signature").is_some();
        match (authorization, v1) {
            (true, true) => Err(IdentityError::TwoSchemes("an `Authorization` header", "a `Signature` parameter")),
            (true, false) => {
                let claim = V3Claim::read(signed)?;
                if claim.algorithm() != Algorithm::HmacSha256 {
                    let reason = "`ACS3-HMAC-SHA256` is accepted";
                    return Err(IdentityError::NotAccepted("Authorization", reason));
                }
                Ok(Self::V3(claim))
            }
            (false, true) => Ok(Self::V1(V1Claim::read(signed)?)),
            _ if value("AccessKeyId").is_some_and(|id| !id.is_empty()) => Err(IdentityError::Missing("Signature")),
            _ => Err(IdentityError::NoCredentials),
        }
    }

    /// The scheme that the call uses.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::V1(_) => Scheme::V1,
            Self::V3(_) => Scheme::V3,
            Self::Bearer(_) => Scheme::Bearer,
        }
    }

    /// The fields that the call claims.
    pub fn fields(&self) -> ClaimFields<'a> {
        match self {
            Self::V1(claim) => claim.fields(),
            Self::V3(claim) => claim.fields(),
            Self::Bearer(claim) => claim.fields(),
        }
    }

    /// Checks as much of a signature as is possible without the key.
    ///
    /// # Errors
    /// A body that does not match the signed digest, or a bearer token, which has no signature.
    pub(super) fn check_body(&self, signed: &Signed<'_>) -> Result<(), IdentityError> {
        match self {
            // The signature covers the body's parameters; there is no digest to compare.
            Self::V1(_) => Ok(()),
            Self::V3(claim) => claim.check_body(signed),
            Self::Bearer(_) => Err(IdentityError::Missing("Signature")),
        }
    }

    /// Verifies the signature, in constant time.
    ///
    /// # Errors
    /// A signature of this request that the credential did not make, or a bearer token, which has no signature.
    pub fn verify(&self, signed: &Signed<'_>, credential: &Credential) -> Result<(), IdentityError> {
        match self {
            Self::V1(claim) => claim.verify(signed, credential),
            Self::V3(claim) => claim.verify(signed, credential),
            Self::Bearer(_) => Err(IdentityError::Missing("Signature")),
        }
    }
}
