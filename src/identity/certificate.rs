//! A call without a signature, by whoever holds the certificate of the connection.
//!
//! A scheme of its own, and the weakest claim of all: whatever else a call carries decides before it. The handshake
//! proved who is there, so there is no nonce and no timestamp.

use crate::ram::{Caller, Principal, Proof, Scheme};

use super::fault::IdentityFault;
use super::signed::Signed;
use super::v1::agree;

/// What such a call says it calls: parameters, as in V1.
#[derive(Clone, Copy, Debug)]
pub struct CertificateClaim<'a> {
    pub action: Option<&'a str>,
    pub version: Option<&'a str>,
}

impl<'a> CertificateClaim<'a> {
    /// # Errors
    /// A part of another scheme, or a header that contradicts a parameter.
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityFault> {
        if signed.parameters.value("SecurityToken").is_some() {
            return Err(IdentityFault::WrongPlace("SecurityToken"));
        }
        if signed.header("x-acs-security-token").is_some() {
            return Err(IdentityFault::WrongPlace("x-acs-security-token"));
        }
        let (action, version) = (signed.parameters.value("Action"), signed.parameters.value("Version"));
        agree(signed, "x-acs-action", "Action", action)?;
        agree(signed, "x-acs-version", "Version", version)?;
        agree(signed, "x-acs-accesskey-id", "AccessKeyId", None)?;
        Ok(Self { action, version })
    }

    /// The caller, who is whom the certificate stands for.
    pub fn caller(principal: Principal) -> Caller {
        Caller { principal, proof: Proof::Certificate, scheme: Scheme::Certificate }
    }
}
