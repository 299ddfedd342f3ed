//! Signature V3: `ACS3-…` over method, path, query, chosen headers and the body's digest (`docs/spec/wire-protocol.md`
//! 3).

use std::fmt;

use aws_lc_rs::{digest, hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::text::{hex, unhex};
use crate::wire::Method;

use super::canonical::{CanonicalQuery, StringToSign, canonical_query};
use super::error::IdentityError;
use super::keyring::Credential;
use super::signed::{ClaimFields, Signed};

/// A signature algorithm of V3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `ACS3-HMAC-SHA256`, with the secret of an AccessKey.
    HmacSha256,
    /// `ACS3-RSA-SHA256`, with an RSA key. Implemented, but not accepted from callers.
    RsaSha256,
}

/// A V3 signature and its fields.
#[derive(Clone)]
pub struct V3Claim<'a> {
    claimed: ClaimFields<'a>,
    algorithm: Algorithm,
    signed_headers: &'a str,
    signature: &'a str,
}

/// Method, path, query, headers, header names and body digest, each on a line of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalRequest(String);

/// A call to be signed with an empty body, all parameters in the query.
#[derive(Clone, Copy, Debug)]
pub struct UnsignedV3<'a> {
    /// The method with which the call will be sent.
    pub method: Method,
    /// The value of the `Host` header.
    pub host: &'a str,
    /// The operation: the value of `x-acs-action`.
    pub action: &'a str,
    /// The version of the API: the value of `x-acs-version`.
    pub version: &'a str,
    /// The value of `x-acs-date`: `yyyy-MM-ddTHH:mm:ssZ`.
    pub timestamp: &'a str,
    /// The value of `x-acs-signature-nonce`, which must be new for each call.
    pub nonce: &'a str,
    /// The query of the request target.
    pub query: &'a CanonicalQuery,
}

/// An RSA public key in DER form. Whether it is valid shows only when it is used.
#[derive(Clone, Debug)]
pub struct RsaKey(signature::UnparsedPublicKey<Vec<u8>>);

/// A text is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a public key in PEM form")]
pub struct PublicKeyError;

/// The headers that must be signed (`docs/spec/wire-protocol.md` 3.2). `host` is not required, because one client does
/// not sign it.
const MUST_BE_SIGNED: [&str; 5] =
    ["x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];
/// The SHA-256 digest of an empty body; nearly every call has one.
pub(super) const DIGEST_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Parts of the V1 scheme, which a V3 signature does not verify.
const V1_ONLY: [&str; 6] =
    ["SecurityToken", "SignatureMethod", "SignatureVersion", "SignatureNonce", "SignatureType", "Timestamp"];
const SIGNED_WHEN_SENT: [&str; 2] = ["x-acs-accesskey-id", "x-acs-security-token"];

impl Algorithm {
    /// The name in the `Authorization` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "ACS3-HMAC-SHA256",
            Self::RsaSha256 => "ACS3-RSA-SHA256",
        }
    }
}

impl<'a> V3Claim<'a> {
    /// Reads the signature's parts.
    ///
    /// # Errors
    /// A malformed `Authorization`, a required header that is not signed, or two places that disagree.
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityError> {
        let authorization =
            signed.header("authorization").ok_or(IdentityError::MalformedAuthorization("it is not text"))?;
        let Authorization { algorithm, credential, signed_headers, signature } = Authorization::read(authorization)?;
        check_signed_headers(signed, signed_headers)?;
        let header = |name: &'static str| {
            signed.header(name).filter(|value| !value.is_empty()).ok_or(IdentityError::Missing(name))
        };
        let claimed = ClaimFields {
            access_key_id: credential,
            action: Some(header("x-acs-action")?),
            version: Some(header("x-acs-version")?),
            timestamp: header("x-acs-date")?,
            // Signatures cover the trimmed value, so white space around it does not make another nonce.
            nonce: header("x-acs-signature-nonce")?.trim(),
            security_token: signed.header("x-acs-security-token").filter(|token| !token.is_empty()),
        };
        let id_header = signed.header("x-acs-accesskey-id");
        if id_header.is_some_and(|id| id != credential) {
            return Err(IdentityError::Differ("x-acs-accesskey-id", "Credential"));
        }
        for (name, value) in
            [("AccessKeyId", Some(credential)), ("Action", claimed.action), ("Version", claimed.version)]
        {
            if signed.parameters.value(name).is_some_and(|sent| Some(sent) != value) {
                return Err(IdentityError::Differ(name, "the signed headers"));
            }
        }
        if let Some(name) = V1_ONLY.iter().find(|name| signed.parameters.value(name).is_some()) {
            return Err(IdentityError::WrongPlace(name));
        }
        header("x-acs-content-sha256")?;
        Ok(Self { claimed, algorithm, signed_headers, signature })
    }

    /// The fields that the call claims.
    pub fn fields(&self) -> ClaimFields<'a> {
        self.claimed
    }

    /// The signature's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The lower-case names of the signed headers. The request carries each exactly once.
    pub fn signed_headers(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.signed_headers.split(';')
    }

    /// The canonical request that the signature must cover.
    pub fn canonical_request(&self, signed: &Signed<'_>) -> CanonicalRequest {
        let digest = signed.header("x-acs-content-sha256").unwrap_or_default();
        CanonicalRequest::new(
            signed.method,
            &canonical_query(signed.query()),
            &signed.headers,
            self.signed_headers,
            digest,
        )
    }

    /// Verifies `ACS3-HMAC-SHA256`, in constant time.
    ///
    /// # Errors
    /// A signature of this request that the credential did not make, or one of another algorithm.
    pub fn verify(&self, signed: &Signed<'_>, credential: &Credential) -> Result<(), IdentityError> {
        if self.algorithm != Algorithm::HmacSha256 {
            return Err(IdentityError::SignatureV3);
        }
        let tag = self.tag(signed)?;
        let string_to_sign = StringToSign::v3(self.algorithm, &self.canonical_request(signed));
        hmac::verify(credential.v3_key(), string_to_sign.as_bytes(), &tag).map_err(|_| IdentityError::SignatureV3)
    }

    /// Verifies `ACS3-RSA-SHA256`.
    ///
    /// # Errors
    /// A signature of this request that the key did not make, or one of another algorithm.
    pub fn verify_rsa(&self, signed: &Signed<'_>, key: &RsaKey) -> Result<(), IdentityError> {
        if self.algorithm != Algorithm::RsaSha256 {
            return Err(IdentityError::SignatureV3);
        }
        let tag = self.tag(signed)?;
        let string_to_sign = StringToSign::v3(self.algorithm, &self.canonical_request(signed));
        key.0.verify(string_to_sign.as_bytes(), &tag).map_err(|_| IdentityError::SignatureV3)
    }

    /// Checks as much of the signature as is possible without the key.
    ///
    /// # Errors
    /// A body that does not match the signed digest.
    pub(super) fn check_body(&self, signed: &Signed<'_>) -> Result<(), IdentityError> {
        let claimed = signed.header("x-acs-content-sha256");
        let is_body = match signed.body {
            [] => claimed == Some(DIGEST_OF_NOTHING),
            body => claimed == Some(&hex(digest::digest(&digest::SHA256, body).as_ref())),
        };
        if is_body { Ok(()) } else { Err(IdentityError::Digest) }
    }

    /// The bytes of the signature, once the body has been found to match the signed digest.
    fn tag(&self, signed: &Signed<'_>) -> Result<Vec<u8>, IdentityError> {
        self.check_body(signed)?;
        let mut tag = vec![0; self.signature.len() / 2];
        unhex(self.signature.as_bytes(), &mut tag).ok_or(IdentityError::SignatureV3)?;
        Ok(tag)
    }
}

impl CanonicalRequest {
    pub(super) fn new(
        method: Method,
        query: &CanonicalQuery,
        headers: &[(&str, &[u8])],
        signed_headers: &str,
        digest: &str,
    ) -> Self {
        let mut text = format!("{}\n/\n{query}\n", method.as_str());
        for name in signed_headers.split(';') {
            let value = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
            text.push_str(name);
            text.push(':');
            text.push_str(str::from_utf8(value.unwrap_or_default()).unwrap_or_default().trim());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(signed_headers);
        text.push('\n');
        text.push_str(digest);
        Self(text)
    }

    /// The request as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StringToSign {
    /// `ALGORITHM \n hex(SHA-256(canonical request))`.
    pub fn v3(algorithm: Algorithm, request: &CanonicalRequest) -> Self {
        let hash = hex(digest::digest(&digest::SHA256, request.as_str().as_bytes()).as_ref());
        Self(format!("{}\n{hash}", algorithm.as_str()))
    }
}

impl RsaKey {
    /// Reads the DER form from PEM, without interpreting it.
    ///
    /// # Errors
    /// A text that is not base64 between the lines that begin with `-----`.
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body.trim()).map_err(|_| PublicKeyError)?;
        Ok(Self(signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, der)))
    }
}

/// Signs a call and returns the headers it must carry, including `host`. For a temporary key, they include its id and
/// token, which are signed as well (`docs/spec/wire-protocol.md` 3.1).
pub fn sign_v3(call: &UnsignedV3<'_>, credential: &Credential) -> Vec<(&'static str, String)> {
    let id = credential.id();
    let token = credential.security_token();
    let temporary = token.map(|token| [("x-acs-accesskey-id", id.as_str()), ("x-acs-security-token", token.expose())]);
    let mut values = vec![
        ("host", call.host),
        ("x-acs-action", call.action),
        ("x-acs-content-sha256", DIGEST_OF_NOTHING),
        ("x-acs-date", call.timestamp),
        ("x-acs-signature-nonce", call.nonce),
        ("x-acs-version", call.version),
    ];
    values.extend(temporary.into_iter().flatten());
    values.sort_unstable_by_key(|(name, _)| *name);
    let headers: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let names = values.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let request = CanonicalRequest::new(call.method, call.query, &headers, &names, DIGEST_OF_NOTHING);
    let string_to_sign = StringToSign::v3(Algorithm::HmacSha256, &request);
    let tag = hex(hmac::sign(credential.v3_key(), string_to_sign.as_bytes()).as_ref());
    let authorization =
        format!("{} Credential={id},SignedHeaders={names},Signature={tag}", Algorithm::HmacSha256.as_str());
    let mut signed: Vec<_> = values.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    signed.push(("authorization", authorization));
    signed
}

struct Authorization<'a> {
    algorithm: Algorithm,
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses `ALG Credential=…,SignedHeaders=…,Signature=…`. The fields may be in any order; each must occur exactly
    /// once.
    fn read(text: &'a str) -> Result<Self, IdentityError> {
        let malformed = IdentityError::MalformedAuthorization;
        let (algorithm, fields) = text.split_once(' ').ok_or(malformed("it has no fields"))?;
        let algorithm = match algorithm {
            "ACS3-HMAC-SHA256" => Algorithm::HmacSha256,
            "ACS3-RSA-SHA256" => Algorithm::RsaSha256,
            _ => return Err(IdentityError::NotAccepted("Authorization", "`ACS3-HMAC-SHA256` is accepted")),
        };
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field.split_once('=').ok_or(malformed("a field has no `=`"))?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(malformed("it has a field other than Credential, SignedHeaders and Signature")),
            };
            if slot.replace(value).is_some() {
                return Err(malformed("a field occurs twice"));
            }
        }
        match (credential, signed_headers, signature) {
            (Some(credential), Some(signed_headers), Some(signature)) if !credential.is_empty() => {
                Ok(Self { algorithm, credential, signed_headers, signature })
            }
            _ => Err(malformed("it lacks Credential, SignedHeaders or Signature")),
        }
    }
}

/// Checks that the names are in lower case, sorted and unique, that the request carries each header exactly once, and
/// that all required headers are signed.
fn check_signed_headers(signed: &Signed<'_>, names: &str) -> Result<(), IdentityError> {
    let malformed = IdentityError::MalformedAuthorization;
    let mut previous = "";
    for name in names.split(';') {
        if name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(malformed("SignedHeaders holds a name that is empty or not in lower case"));
        }
        if name <= previous {
            return Err(malformed("SignedHeaders is not sorted, or names a header twice"));
        }
        let mut values = signed.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let once =
            values.next().filter(|(_, value)| str::from_utf8(value).is_ok()).is_some() && values.next().is_none();
        if !once {
            return Err(IdentityError::NoSuchHeader(name.to_owned()));
        }
        previous = name;
    }
    let is_signed = |name: &str| names.split(';').any(|other| other == name);
    let sent = |name: &str| signed.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let unsigned = MUST_BE_SIGNED
        .iter()
        .find(|name| !is_signed(name))
        .or_else(|| SIGNED_WHEN_SENT.iter().find(|name| sent(name) && !is_signed(name)));
    match unsigned {
        Some(name) if sent(name) => Err(IdentityError::Unsigned((*name).to_owned())),
        Some(name) => Err(IdentityError::Missing(name)),
        None => Ok(()),
    }
}

impl fmt::Display for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows nothing: the text may contain a token.
impl fmt::Debug for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CanonicalRequest(…)")
    }
}

impl fmt::Debug for V3Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("V3Claim");
        shown.field("claimed", &self.claimed).field("signed_headers", &self.signed_headers).finish_non_exhaustive()
    }
}
