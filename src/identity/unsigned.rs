//! Unsigned calls: those whose caller is proved by a parameter of the operation, and those whose caller is proved by
//! the connection's client certificate.

use crate::ram::{Caller, KnownBy, Scheme};
use ram_policy::Principal;

use super::bearer::{BearerClaim, either};
use super::error::IdentityError;
use super::signed::Signed;
use super::v1::agree;

/// A call without a credential of its own: a parameter of the operation proves its caller. Action and version come from
/// parameters or headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnonymousClaim<'a> {
    pub action: Option<&'a str>,
    pub version: Option<&'a str>,
}

impl<'a> AnonymousClaim<'a> {
    /// The action and version that a call names, whether or not it also has a credential.
    ///
    /// # Errors
    /// A header that contradicts a parameter, or that occurs twice.
    pub(crate) fn named(signed: &Signed<'a>) -> Result<Self, IdentityError> {
        Ok(Self {
            action: either(signed, "Action", "x-acs-action")?,
            version: either(signed, "Version", "x-acs-version")?,
        })
    }

    /// As [`AnonymousClaim::named`], for a call that must not have another credential.
    ///
    /// # Errors
    /// The same, or any part of another credential.
    pub(crate) fn read(signed: &Signed<'a>) -> Result<Self, IdentityError> {
        const ANOTHER: &str = "a parameter that is itself a credential";
        let given = |name: &str| signed.parameters.value(name).is_some_and(|value| !value.is_empty());
        for name in ["AccessKeyId", "Signature", "SecurityToken"] {
            if given(name) {
                return Err(IdentityError::TwoSchemes(ANOTHER, name));
            }
        }
        for name in ["authorization", "x-acs-accesskey-id", "x-acs-security-token"] {
            if signed.header(name).is_some() {
                return Err(IdentityError::TwoSchemes(ANOTHER, name));
            }
        }
        if BearerClaim::is_in(signed) {
            return Err(IdentityError::TwoSchemes(ANOTHER, "a bearer token"));
        }
        Self::named(signed)
    }
}

/// A call that is authenticated only by the client certificate of its connection. Any other credential in the call
/// takes precedence. The handshake has proved the caller, so there is no nonce and no timestamp. Action and version are
/// parameters, as in V1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificateClaim<'a> {
    pub action: Option<&'a str>,
    pub version: Option<&'a str>,
}

impl<'a> CertificateClaim<'a> {
    /// Reads the claim.
    ///
    /// # Errors
    /// A part of another scheme, or a header that contradicts a parameter.
    pub(crate) fn read(signed: &Signed<'a>) -> Result<Self, IdentityError> {
        if signed.parameters.value("SecurityToken").is_some() {
            return Err(IdentityError::WrongPlace("SecurityToken"));
        }
        if signed.header("x-acs-security-token").is_some() {
            return Err(IdentityError::WrongPlace("x-acs-security-token"));
        }
        let (action, version) = (signed.parameters.value("Action"), signed.parameters.value("Version"));
        agree(signed, "x-acs-action", "Action", action)?;
        agree(signed, "x-acs-version", "Version", version)?;
        agree(signed, "x-acs-accesskey-id", "AccessKeyId", None)?;
        Ok(Self { action, version })
    }

    /// The caller for the principal that the certificate is mapped to.
    pub(crate) fn caller(principal: Principal) -> Caller {
        Caller { principal, proof: KnownBy::Certificate, scheme: Scheme::Certificate }
    }
}
