//! A call without a credential of its own: what proves its caller stands in a parameter of the operation.

use super::bearer::{BearerClaim, either};
use super::fault::IdentityFault;
use super::signed::Signed;

/// What such a call says it calls, in parameters or in headers.
#[derive(Clone, Copy, Debug)]
pub struct AnonymousClaim<'a> {
    pub action: Option<&'a str>,
    pub version: Option<&'a str>,
}

impl<'a> AnonymousClaim<'a> {
    /// What a call names, whether or not it has a credential too.
    ///
    /// # Errors
    /// A header that contradicts a parameter, or stands twice.
    pub fn named(signed: &Signed<'a>) -> Result<Self, IdentityFault> {
        Ok(Self {
            action: either(signed, "Action", "x-acs-action")?,
            version: either(signed, "Version", "x-acs-version")?,
        })
    }

    /// # Errors
    /// The same, and a part of a credential: then there are two.
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityFault> {
        const ANOTHER: &str = "a parameter that is itself a credential";
        let given = |name: &str| signed.parameters.value(name).is_some_and(|value| !value.is_empty());
        for name in ["AccessKeyId", "Signature", "SecurityToken"] {
            if given(name) {
                return Err(IdentityFault::TwoSchemes(ANOTHER, name));
            }
        }
        for name in ["authorization", "x-acs-accesskey-id", "x-acs-security-token"] {
            if signed.header(name).is_some() {
                return Err(IdentityFault::TwoSchemes(ANOTHER, name));
            }
        }
        if BearerClaim::is_in(signed) {
            return Err(IdentityFault::TwoSchemes(ANOTHER, "a bearer token"));
        }
        Self::named(signed)
    }
}
