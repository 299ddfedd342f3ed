//! Which scheme a call uses, and whom it claims to be, before anything is believed.

use crate::ram::Scheme;

use super::claimed::Claimed;
use super::fault::IdentityFault;
use super::keyring::Credential;
use super::signed::Signed;
use super::v1::V1Claim;
use super::v3::{Algorithm, V3Claim};

/// A call's one signature.
#[derive(Clone, Debug)]
pub enum Claim<'a> {
    V1(V1Claim<'a>),
    V3(V3Claim<'a>),
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
        let header_token =
            ["x-acs-bearer-token", "x-acs-zero-trust-idtoken"].iter().any(|name| signed.header(name).is_some());
        let signature_type = value("SignatureType").unwrap_or_default();
        let bearer =
            header_token || value("BearerToken").is_some() || signature_type.eq_ignore_ascii_case("BEARERTOKEN");
        let v1 = value("Signature").is_some();
        let schemes =
            [(authorization, "an `Authorization` header"), (v1, "a `Signature` parameter"), (bearer, "a bearer token")];
        let mut found = schemes.iter().filter(|(present, _)| *present).map(|(_, name)| *name);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => Err(IdentityFault::TwoSchemes(first, second)),
            _ if bearer => Err(IdentityFault::NotAccepted("SignatureType", "bearer tokens are not accepted here")),
            _ if authorization => {
                let claim = V3Claim::read(signed)?;
                if claim.algorithm() != Algorithm::HmacSha256 {
                    let reason = "`ACS3-HMAC-SHA256` is accepted";
                    return Err(IdentityFault::NotAccepted("Authorization", reason));
                }
                Ok(Self::V3(claim))
            }
            _ if v1 => Ok(Self::V1(V1Claim::read(signed)?)),
            _ if value("AccessKeyId").is_some_and(|id| !id.is_empty()) => Err(IdentityFault::Missing("Signature")),
            _ => Err(IdentityFault::NoCredentials),
        }
    }

    pub fn scheme(&self) -> Scheme {
        match self {
            Self::V1(_) => Scheme::V1,
            Self::V3(_) => Scheme::V3,
        }
    }

    pub fn claimed(&self) -> Claimed<'a> {
        match self {
            Self::V1(claim) => claim.claimed(),
            Self::V3(claim) => claim.claimed(),
        }
    }

    /// Verifies in constant time.
    ///
    /// # Errors
    /// A signature that is not the credential's over this request.
    pub fn verify(&self, signed: &Signed<'_>, credential: &Credential) -> Result<(), IdentityFault> {
        match self {
            Self::V1(claim) => claim.verify(signed, credential),
            Self::V3(claim) => claim.verify(signed, credential),
        }
    }
}
