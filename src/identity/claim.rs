//! Which scheme a call uses, and whom it claims to be, before anything is believed.

use crate::ram::Scheme;

use super::bearer::BearerClaim;
use super::claimed::Claimed;
use super::fault::IdentityFault;
use super::keyring::Credential;
use super::signed::Signed;
use super::v1::V1Claim;
use super::v3::{Algorithm, V3Claim};

/// A call's one credential.
#[derive(Clone, Debug)]
pub enum Claim<'a> {
    V1(V1Claim<'a>),
    V3(V3Claim<'a>),
    Bearer(BearerClaim<'a>),
}

impl<'a> Claim<'a> {
    /// Finds the one scheme.
    ///
    /// # Errors
    /// No scheme, two of them, one that is not accepted here, or a part of it that is absent or contradicts another
    /// (`spec/wire-protocol.md` 8, rows 4, 5, 26 to 28, 30, 34).
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityFault> {
        let value = |name: &str| signed.parameters.value(name);
        let authorization = signed.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if BearerClaim::is_in(signed) {
            return Ok(Self::Bearer(BearerClaim::read(signed)?));
        }
        let v1 = value("Signature").is_some();
        match (authorization, v1) {
            (true, true) => Err(IdentityFault::TwoSchemes("an `Authorization` header", "a `Signature` parameter")),
            (true, false) => {
                let claim = V3Claim::read(signed)?;
                if claim.algorithm() != Algorithm::HmacSha256 {
                    let reason = "`ACS3-HMAC-SHA256` is accepted";
                    return Err(IdentityFault::NotAccepted("Authorization", reason));
                }
                Ok(Self::V3(claim))
            }
            (false, true) => Ok(Self::V1(V1Claim::read(signed)?)),
            _ if value("AccessKeyId").is_some_and(|id| !id.is_empty()) => Err(IdentityFault::Missing("Signature")),
            _ => Err(IdentityFault::NoCredentials),
        }
    }

    pub fn scheme(&self) -> Scheme {
        match self {
            Self::V1(_) => Scheme::V1,
            Self::V3(_) => Scheme::V3,
            Self::Bearer(_) => Scheme::Bearer,
        }
    }

    pub fn claimed(&self) -> Claimed<'a> {
        match self {
            Self::V1(claim) => claim.claimed(),
            Self::V3(claim) => claim.claimed(),
            Self::Bearer(claim) => claim.claimed(),
        }
    }

    /// What can be said of a signature without a key.
    ///
    /// # Errors
    /// A body that is not the one whose digest was signed; a token, which signs none.
    pub(super) fn check_body(&self, signed: &Signed<'_>) -> Result<(), IdentityFault> {
        match self {
            // The body's parameters are among what was signed, and there is no digest to compare.
            Self::V1(_) => Ok(()),
            Self::V3(claim) => claim.check_body(signed),
            Self::Bearer(_) => Err(IdentityFault::Missing("Signature")),
        }
    }

    /// Verifies in constant time.
    ///
    /// # Errors
    /// A signature that is not the credential's over this request; a token, which signs none.
    pub fn verify(&self, signed: &Signed<'_>, credential: &Credential) -> Result<(), IdentityFault> {
        match self {
            Self::V1(claim) => claim.verify(signed, credential),
            Self::V3(claim) => claim.verify(signed, credential),
            Self::Bearer(_) => Err(IdentityFault::Missing("Signature")),
        }
    }
}
