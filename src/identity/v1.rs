//! Signature version 1.0: HMAC-SHA1 over the method and all parameters (`docs/spec/wire-protocol.md` 2).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ram::{Parameter, Parameters, Place};
use crate::wire::{Method, percent_encode};

use super::canonical::{CanonicalQuery, StringToSign, canonical_query};
use super::error::IdentityError;
use super::keyring::Credential;
use super::signed::{ClaimFields, Signed};

/// A V1 signature and its fields.
#[derive(Clone)]
pub struct V1Claim<'a> {
    claimed: ClaimFields<'a>,
    signature: &'a str,
}

/// A signature over a query, and the text that was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedQuery {
    /// What was signed, to compare with another implementation.
    pub string_to_sign: StringToSign,
    /// The value of the parameter `Signature`, in base64.
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
    /// Reads the signature's parts.
    ///
    /// # Errors
    /// A part that is missing, not accepted, or contradicted by an unsigned header.
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityError> {
        let required = |name: &'static str| {
            let value = signed.parameters.value(name).filter(|value| !value.is_empty());
            value.ok_or(IdentityError::Missing(name))
        };
        let access_key_id = required("AccessKeyId")?;
        let signature = required("Signature")?;
        accept("SignatureMethod", signed.parameters.value("SignatureMethod"), "HMAC-SHA1", "`HMAC-SHA1` is accepted")?;
        accept("SignatureVersion", signed.parameters.value("SignatureVersion"), "1.0", "`1.0` is accepted")?;
        accept(
            "SignatureType",
            signed.parameters.value("SignatureType").filter(|kind| !kind.is_empty()),
            "",
            "it must be empty",
        )?;
        let claimed = ClaimFields {
            access_key_id,
            action: signed.parameters.value("Action"),
            version: signed.parameters.value("Version"),
            timestamp: required("Timestamp")?,
            nonce: required("SignatureNonce")?,
            security_token: signed.parameters.value("SecurityToken").filter(|token| !token.is_empty()),
        };
        if signed.header("x-acs-security-token").is_some() {
            return Err(IdentityError::WrongPlace("x-acs-security-token"));
        }
        agree(signed, "x-acs-action", "Action", claimed.action)?;
        agree(signed, "x-acs-version", "Version", claimed.version)?;
        agree(signed, "x-acs-accesskey-id", "AccessKeyId", Some(access_key_id))?;
        Ok(Self { claimed, signature })
    }

    /// The fields that the call claims.
    pub fn fields(&self) -> ClaimFields<'a> {
        self.claimed
    }

    /// The text that the signature must cover.
    pub fn string_to_sign(&self, signed: &Signed<'_>) -> StringToSign {
        StringToSign::v1(signed.method, &canonical_query(covered(signed.parameters)))
    }

    /// Verifies the signature, in constant time.
    ///
    /// # Errors
    /// A signature of this request that the credential did not make.
    pub fn verify(&self, signed: &Signed<'_>, credential: &Credential) -> Result<(), IdentityError> {
        let tag = STANDARD.decode(self.signature).map_err(|_| IdentityError::SignatureV1)?;
        let string_to_sign = self.string_to_sign(signed);
        hmac::verify(credential.v1_key(), string_to_sign.as_bytes(), &tag).map_err(|_| IdentityError::SignatureV1)
    }
}

/// Signs parameters that are complete except for `Signature`.
pub fn sign_v1(method: Method, parameters: &Parameters, credential: &Credential) -> SignedQuery {
    let string_to_sign = StringToSign::v1(method, &canonical_query(covered(parameters)));
    let tag = hmac::sign(credential.v1_key(), string_to_sign.as_bytes());
    SignedQuery { string_to_sign, signature: STANDARD.encode(tag) }
}

/// All parameters except the signature itself, from both the query and the form.
fn covered(parameters: &Parameters) -> impl Iterator<Item = Parameter<'_>> {
    parameters
        .iter()
        .filter(|parameter| matches!(parameter.place, Place::Query | Place::Form) && parameter.name != "Signature")
}

fn accept(name: &'static str, value: Option<&str>, accepted: &str, reason: &'static str) -> Result<(), IdentityError> {
    match value {
        Some(value) if value != accepted => Err(IdentityError::NotAccepted(name, reason)),
        None if !accepted.is_empty() => Err(IdentityError::Missing(name)),
        _ => Ok(()),
    }
}

/// A header that V1 does not cover may only repeat a signed value. Case is ignored.
pub(super) fn agree(
    signed: &Signed<'_>,
    header: &'static str,
    name: &'static str,
    value: Option<&str>,
) -> Result<(), IdentityError> {
    match signed.header(header) {
        Some(sent) if !sent.eq_ignore_ascii_case(value.unwrap_or_default()) => Err(IdentityError::Differ(header, name)),
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
