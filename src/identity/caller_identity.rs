//! A `GetCallerIdentity` request to the real STS, signed by the holder of a key and sent by the gateway.
//!
//! Only a few values are transferred, from which both sides build the same request, so that the sender controls nothing
//! else in it (`docs/spec/wire-protocol.md` 4.4 e). Host and nonce are not signed. The intended gateway is
//! signed, as a query parameter.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::ram::{AccessKeyId, Parameter, Place};
use crate::text::{hex, unhex};
use crate::wire::Method;

use super::canonical::{CanonicalQuery, StringToSign, canonical_query};
use super::clock::parse_timestamp;
use super::secret::Secret;
use super::v3::{Algorithm, CanonicalRequest, DIGEST_OF_NOTHING};

/// The parameter that names the gateway it was signed for.
const AUDIENCE: &str = "RamgateAudience";
const LONGEST: usize = 12 << 10;

/// The values that make up the request. None of them determines where it is sent.
#[derive(Clone)]
pub struct SignedIdentity {
    access_key_id: AccessKeyId,
    /// `None` for a permanent key.
    security_token: Option<Secret>,
    date: String,
    signature: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIdentity {
    #[serde(rename = "AccessKeyId")]
    access_key_id: String,
    #[serde(rename = "SecurityToken", default, skip_serializing_if = "String::is_empty")]
    security_token: String,
    #[serde(rename = "Date")]
    date: String,
    #[serde(rename = "Signature")]
    signature: String,
}

impl SignedIdentity {
    /// Signs a request dated `date` (`yyyy-MM-ddTHH:mm:ssZ`) for the gateway with this `audience`.
    pub fn sign(
        access_key_id: AccessKeyId,
        secret: &Secret,
        security_token: Option<Secret>,
        date: String,
        audience: &str,
    ) -> Self {
        let mut signed = Self { access_key_id, security_token, date, signature: String::new() };
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        signed.signature = hex(hmac::sign(&key, signed.string_to_sign(audience).as_bytes()).as_ref());
        signed
    }

    /// Parses the output of [`SignedIdentity::to_text`].
    ///
    /// # Errors
    /// The text is malformed. The message continues a sentence about the text.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("is too long");
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| "is not base64url without padding")?;
        let raw: RawIdentity = serde_json::from_slice(&bytes)
            .map_err(|_| "is not a JSON object of AccessKeyId, SecurityToken, Date and Signature")?;
        let token = raw.security_token;
        // The token is sent in a header.
        let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
        // Only one spelling is accepted: otherwise another spelling of a used signature would count as unused.
        let is_signature = unhex(raw.signature.as_bytes(), &mut [0; 32]).is_some();
        if !plain || !is_signature {
            return Err("contains an invalid token or signature");
        }
        parse_timestamp(&raw.date).ok_or("contains an invalid Date")?;
        Ok(Self {
            access_key_id: raw.access_key_id.parse().map_err(|_| "contains an invalid AccessKeyId")?,
            security_token: Some(token).filter(|token| !token.is_empty()).map(Secret::new),
            date: raw.date,
            signature: raw.signature,
        })
    }

    /// The value of the parameter that carries it.
    pub fn to_text(&self) -> String {
        let raw = RawIdentity {
            access_key_id: self.access_key_id.as_str().to_owned(),
            security_token: self.security_token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default(),
            date: self.date.clone(),
            signature: self.signature.clone(),
        };
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&raw).expect("text makes JSON"))
    }

    /// The key that signed it.
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// When it was signed, as text.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The signature, which identifies this request: an equal one is a replay.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The query of the request.
    pub fn query(audience: &str) -> CanonicalQuery {
        canonical_query([Parameter { name: AUDIENCE, value: audience, place: Place::Query }].into_iter())
    }

    /// The headers of the request, in lower case; the method is POST and there is no body.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let signed = self.signed_headers();
        let names = names_of(&signed);
        let mut headers: Vec<_> = signed.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        let id = &self.access_key_id;
        let algorithm = Algorithm::HmacSha256.as_str();
        headers.push((
            "authorization",
            format!("{algorithm} Credential={id},SignedHeaders={names},Signature={}", self.signature),
        ));
        headers
    }

    fn signed_headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = vec![
            ("x-acs-action", "GetCallerIdentity"),
            ("x-acs-content-sha256", DIGEST_OF_NOTHING),
            ("x-acs-date", self.date.as_str()),
        ];
        headers.extend(self.security_token.as_ref().map(|token| ("x-acs-security-token", token.expose())));
        headers.push(("x-acs-version", "2015-04-01"));
        headers
    }

    fn string_to_sign(&self, audience: &str) -> StringToSign {
        let signed = self.signed_headers();
        let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let names = names_of(&signed);
        let request = CanonicalRequest::new(Method::Post, &Self::query(audience), &headers, &names, DIGEST_OF_NOTHING);
        StringToSign::v3(Algorithm::HmacSha256, &request)
    }
}

fn names_of(headers: &[(&'static str, &str)]) -> String {
    headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

impl fmt::Debug for SignedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIdentity").field("date", &self.date).finish_non_exhaustive()
    }
}
