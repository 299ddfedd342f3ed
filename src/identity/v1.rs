//! Signature version 1.0: HMAC-SHA1 over the method and all parameters (`spec/wire-protocol.md` 2).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ram::{Parameter, Parameters, Place};
use crate::wire::{Method, percent_encode};

use super::canonical::{CanonicalQuery, StringToSign, canonical_query};
use super::claimed::Claimed;
use super::fault::IdentityFault;
use super::keyring::Credential;
use super::signed::Signed;

/// A V1 signature and what it says of itself.
#[derive(Clone)]
pub struct V1Claim<'a> {
    claimed: Claimed<'a>,
    signature: &'a str,
}

/// A query that carries its own signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedQuery {
    pub string_to_sign: StringToSign,
    pub signature: String,
}

impl StringToSign {
    /// `METHOD&%2F&pe(canonical query)`.
    pub fn v1(method: Method, canonical: &CanonicalQuery) -> Self {
        let mut text = String::with_capacity(canonical.as_str().len() * 3 / 2 + 16);
        text.push_str(method.as_str());
        text.push_str("&%2F&");
        percent_encode(canonical.as_str(), &mut text);
        Self(text)
    }
}

impl<'a> V1Claim<'a> {
    /// # Errors
    /// A part that is absent, not accepted, or contradicted by an unsigned header.
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityFault> {
        let required = |name: &'static str| {
            let value = signed.parameters.value(name).filter(|value| !value.is_empty());
            value.ok_or(IdentityFault::Missing(name))
        };
        let access_key_id = required("AccessKeyId")?;
        let signature = required("Signature")?;
        accept("SignatureMethod", signed.parameters.value("SignatureMethod"), "HMAC-SHA1", "`HMAC-SHA1` is accepted")?;
        accept("SignatureVersion", signed.parameters.value("SignatureVersion"), "1.0", "`1.0` is accepted")?;
        accept(
            "SignatureType",
            signed.parameters.value("SignatureType").filter(|kind| !kind.is_empty()),
            "",
            "none is accepted",
        )?;
        let claimed = Claimed {
            access_key_id,
            action: signed.parameters.value("Action"),
            version: signed.parameters.value("Version"),
            timestamp: required("Timestamp")?,
            nonce: required("SignatureNonce")?,
            security_token: signed.parameters.value("SecurityToken").filter(|token| !token.is_empty()),
        };
        if signed.header("x-acs-security-token").is_some() {
            return Err(IdentityFault::WrongPlace("x-acs-security-token"));
        }
        agree(signed, "x-acs-action", "Action", claimed.action)?;
        agree(signed, "x-acs-version", "Version", claimed.version)?;
        agree(signed, "x-acs-accesskey-id", "AccessKeyId", Some(access_key_id))?;
        Ok(Self { claimed, signature })
    }

    pub fn claimed(&self) -> Claimed<'a> {
        self.claimed
    }

    /// What the server signs for comparison.
    pub fn string_to_sign(&self, signed: &Signed<'_>) -> StringToSign {
        StringToSign::v1(signed.method, &canonical_query(covered(signed.parameters)))
    }

    /// # Errors
    /// A signature that is not the credential's over this request.
    pub fn verify(&self, signed: &Signed<'_>, credential: &Credential) -> Result<(), IdentityFault> {
        let tag = STANDARD.decode(self.signature).map_err(|_| IdentityFault::SignatureV1)?;
        let string_to_sign = self.string_to_sign(signed);
        hmac::verify(credential.v1_key(), string_to_sign.as_bytes(), &tag).map_err(|_| IdentityFault::SignatureV1)
    }
}

/// Signs parameters that lack only `Signature`.
pub fn sign_v1(method: Method, parameters: &Parameters, credential: &Credential) -> SignedQuery {
    let string_to_sign = StringToSign::v1(method, &canonical_query(covered(parameters)));
    let tag = hmac::sign(credential.v1_key(), string_to_sign.as_bytes());
    SignedQuery { string_to_sign, signature: STANDARD.encode(tag) }
}

/// All parameters but the signature itself, whether in the query or in the form.
fn covered(parameters: &Parameters) -> impl Iterator<Item = Parameter<'_>> {
    parameters
        .iter()
        .filter(|parameter| matches!(parameter.place, Place::Query | Place::Form) && parameter.name != "Signature")
}

fn accept(name: &'static str, value: Option<&str>, accepted: &str, reason: &'static str) -> Result<(), IdentityFault> {
    match value {
        Some(value) if value != accepted => Err(IdentityFault::NotAccepted(name, reason)),
        None if !accepted.is_empty() => Err(IdentityFault::Missing(name)),
        _ => Ok(()),
    }
}

/// A header that V1 does not cover may repeat what is signed, in whatever case, and nothing else (design 8).
pub(super) fn agree(
    signed: &Signed<'_>,
    header: &'static str,
    name: &'static str,
    value: Option<&str>,
) -> Result<(), IdentityFault> {
    match signed.header(header) {
        Some(said) if !said.eq_ignore_ascii_case(value.unwrap_or_default()) => Err(IdentityFault::Differ(header, name)),
        _ => Ok(()),
    }
}

impl fmt::Debug for V1Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("V1Claim").field("claimed", &self.claimed).finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedQuery(…)")
    }
}
