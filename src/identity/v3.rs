//! Signature V3: `ACS3-…` over method, path, query, chosen headers and the body's digest (`spec/wire-protocol.md` 3).

use std::fmt;

use aws_lc_rs::{digest, hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::source::{hex, unhex};
use crate::wire::Method;

use super::canonical::{CanonicalQuery, StringToSign, canonical_query};
use super::claimed::Claimed;
use super::fault::IdentityFault;
use super::keyring::Credential;
use super::signed::Signed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    HmacSha256,
    /// Verified by the signature code; not accepted at the wire.
    RsaSha256,
}

/// A V3 signature and what it says of itself.
#[derive(Clone)]
pub struct V3Claim<'a> {
    claimed: Claimed<'a>,
    algorithm: Algorithm,
    signed_headers: &'a str,
    signature: &'a str,
}

/// Method, path, query, headers, header names, body digest: a line each.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalRequest(String);

/// A call to be signed with an empty body, all parameters in the query.
#[derive(Clone, Copy, Debug)]
pub struct UnsignedV3<'a> {
    pub method: Method,
    /// As it will stand in the `Host` header.
    pub host: &'a str,
    pub action: &'a str,
    pub version: &'a str,
    /// `yyyy-MM-ddTHH:mm:ssZ`.
    pub timestamp: &'a str,
    pub nonce: &'a str,
    /// As it will stand in the request's target.
    pub query: &'a CanonicalQuery,
}

/// An RSA public key, PEM or DER.
#[derive(Clone, Debug)]
pub struct RsaKey(signature::UnparsedPublicKey<Vec<u8>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is no public key in PEM form")]
pub struct MalformedPublicKey;

/// What a verifier insists on (`spec/wire-protocol.md` 3.2); `host` is not among them, one client does not sign it.
const MUST_BE_SIGNED: [&str; 5] =
    ["x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];
/// SHA-256 of an empty body, which is what nearly every call has.
pub(super) const DIGEST_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Parts of the other scheme: beside a V3 signature they would say something that nobody checks.
const V1_ONLY: [&str; 6] =
    ["SecurityToken", "SignatureMethod", "SignatureVersion", "SignatureNonce", "SignatureType", "Timestamp"];
const SIGNED_WHEN_SENT: [&str; 2] = ["x-acs-accesskey-id", "x-acs-security-token"];

impl Algorithm {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "ACS3-HMAC-SHA256",
            Self::RsaSha256 => "ACS3-RSA-SHA256",
        }
    }
}

impl<'a> V3Claim<'a> {
    /// # Errors
    /// A malformed `Authorization`, a header that must be signed and is not, or two places that disagree.
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityFault> {
        let authorization =
            signed.header("authorization").ok_or(IdentityFault::MalformedAuthorization("it is not text"))?;
        let Authorization { algorithm, credential, signed_headers, signature } = Authorization::read(authorization)?;
        check_signed_headers(signed, signed_headers)?;
        let header = |name: &'static str| {
            signed.header(name).filter(|value| !value.is_empty()).ok_or(IdentityFault::Missing(name))
        };
        let claimed = Claimed {
            access_key_id: credential,
            action: Some(header("x-acs-action")?),
            version: Some(header("x-acs-version")?),
            timestamp: header("x-acs-date")?,
            // As it is signed: with or without space around it, it is the same nonce.
            nonce: header("x-acs-signature-nonce")?.trim(),
            security_token: signed.header("x-acs-security-token").filter(|token| !token.is_empty()),
        };
        let id_header = signed.header("x-acs-accesskey-id");
        if id_header.is_some_and(|id| id != credential) {
            return Err(IdentityFault::Differ("x-acs-accesskey-id", "Credential"));
        }
        for (name, value) in
            [("AccessKeyId", Some(credential)), ("Action", claimed.action), ("Version", claimed.version)]
        {
            if signed.parameters.value(name).is_some_and(|said| Some(said) != value) {
                return Err(IdentityFault::Differ(name, "the signed headers"));
            }
        }
        if let Some(name) = V1_ONLY.iter().find(|name| signed.parameters.value(name).is_some()) {
            return Err(IdentityFault::WrongPlace(name));
        }
        header("x-acs-content-sha256")?;
        Ok(Self { claimed, algorithm, signed_headers, signature })
    }

    pub fn claimed(&self) -> Claimed<'a> {
        self.claimed
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Lower-case names of the headers that the signature covers, each of which the request carries once.
    pub fn signed_headers(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.signed_headers.split(';')
    }

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

    /// # Errors
    /// A signature that is not the credential's over this request, or not of a kind the credential makes.
    pub fn verify(&self, signed: &Signed<'_>, credential: &Credential) -> Result<(), IdentityFault> {
        if self.algorithm != Algorithm::HmacSha256 {
            return Err(IdentityFault::SignatureV3);
        }
        let tag = self.tag(signed)?;
        let string_to_sign = StringToSign::v3(self.algorithm, &self.canonical_request(signed));
        hmac::verify(credential.v3_key(), string_to_sign.as_bytes(), &tag).map_err(|_| IdentityFault::SignatureV3)
    }

    /// Verifies `ACS3-RSA-SHA256`.
    ///
    /// # Errors
    /// A signature that is not this key's over this request.
    pub fn verify_rsa(&self, signed: &Signed<'_>, key: &RsaKey) -> Result<(), IdentityFault> {
        if self.algorithm != Algorithm::RsaSha256 {
            return Err(IdentityFault::SignatureV3);
        }
        let tag = self.tag(signed)?;
        let string_to_sign = StringToSign::v3(self.algorithm, &self.canonical_request(signed));
        key.0.verify(string_to_sign.as_bytes(), &tag).map_err(|_| IdentityFault::SignatureV3)
    }

    /// What can be said of the signature without a key.
    ///
    /// # Errors
    /// A body that is not the one whose digest was signed.
    pub(super) fn check_body(&self, signed: &Signed<'_>) -> Result<(), IdentityFault> {
        let claimed = signed.header("x-acs-content-sha256");
        let is_body = match signed.body {
            [] => claimed == Some(DIGEST_OF_NOTHING),
            body => claimed == Some(&hex(digest::digest(&digest::SHA256, body).as_ref())),
        };
        if is_body { Ok(()) } else { Err(IdentityFault::Digest) }
    }

    /// The claimed signature, of a body that is the one whose digest was signed.
    fn tag(&self, signed: &Signed<'_>) -> Result<Vec<u8>, IdentityFault> {
        self.check_body(signed)?;
        let mut tag = vec![0; self.signature.len() / 2];
        unhex(self.signature.as_bytes(), &mut tag).ok_or(IdentityFault::SignatureV3)?;
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
    /// # Errors
    /// A text that is no PEM.
    pub fn from_pem(text: &str) -> Result<Self, MalformedPublicKey> {
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body.trim()).map_err(|_| MalformedPublicKey)?;
        Ok(Self(signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, der)))
    }
}

/// Signs a call and returns the headers it must carry, `host` among them. A temporary key's id and token are two of
/// them, and signed as well (`spec/wire-protocol.md` 3.1).
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
    /// `ALG Credential=…,SignedHeaders=…,Signature=…`, the fields in any order, each once and no others.
    fn read(text: &'a str) -> Result<Self, IdentityFault> {
        let malformed = IdentityFault::MalformedAuthorization;
        let (algorithm, fields) = text.split_once(' ').ok_or(malformed("it has no fields"))?;
        let algorithm = match algorithm {
            "ACS3-HMAC-SHA256" => Algorithm::HmacSha256,
            "ACS3-RSA-SHA256" => Algorithm::RsaSha256,
            _ => return Err(IdentityFault::NotAccepted("Authorization", "`ACS3-HMAC-SHA256` is accepted")),
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

/// Lower-case names, sorted, each once, each carried by the request once; and all that must be signed is.
fn check_signed_headers(signed: &Signed<'_>, names: &str) -> Result<(), IdentityFault> {
    let malformed = IdentityFault::MalformedAuthorization;
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
            return Err(IdentityFault::NoSuchHeader(name.to_owned()));
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
        Some(name) if sent(name) => Err(IdentityFault::Unsigned((*name).to_owned())),
        Some(name) => Err(IdentityFault::Missing(name)),
        None => Ok(()),
    }
}

impl fmt::Display for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// It may hold a token.
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
