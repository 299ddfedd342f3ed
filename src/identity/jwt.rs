//! JSON Web Tokens of configured issuers: what must hold before a subject is believed (RFC 7519, RFC 8725).
//!
//! The issuer is pinned, the key is one of its set, and the algorithm is what the key and the configuration allow. What
//! a token says of itself (`alg`, `kid`) only selects among those; a key that it brings along or points at is refused.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Number, Value};

use crate::policy::Glob;
use crate::ram::Principal;

use super::jwks::TokenKeys;

/// Longer than any token (a service account's has about a thousand characters), and far below a head's bounds.
const LONGEST: usize = 16 << 10;
const LONGEST_SUBJECT: usize = 255;

/// The set in force of an issuer's keys. Whoever holds it fetches new ones elsewhere.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// None while no set was ever read.
    fn current(&self) -> Option<Arc<TokenKeys>>;
}

/// A set that never changes.
#[derive(Debug)]
pub struct FixedKeys(pub Arc<TokenKeys>);

impl KeySource for FixedKeys {
    fn current(&self) -> Option<Arc<TokenKeys>> {
        Some(Arc::clone(&self.0))
    }
}

/// Whose tokens are accepted, and for what (design 5.3).
#[derive(Debug)]
pub struct TokenIssuer {
    /// The `iss` claim, exactly.
    pub issuer: Arc<str>,
    /// The name of the provider that it is to RAM, where its tokens are taken for keys.
    pub provider: Option<Arc<str>>,
    /// One of these must be among the `aud` claim.
    pub audience: Vec<String>,
    pub algorithms: Vec<TokenAlgorithm>,
    pub not_before: NotBefore,
    /// What is allowed for clocks that differ.
    pub leeway: Duration,
    pub principals: Vec<TokenMapping>,
    pub keys: Box<dyn KeySource>,
}

/// Who a subject is here. The first that matches counts.
#[derive(Clone, Debug)]
pub struct TokenMapping {
    pub subject: Glob,
    /// Further claims, each by its JSON pointer, which must be texts that match.
    pub claims: BTreeMap<String, Glob>,
    pub principal: Principal,
}

/// Whether a token without `nbf` is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotBefore {
    #[default]
    Required,
    Optional,
}

/// An algorithm that may be allowed: those with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAlgorithm(Algorithm);

/// A token that was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    pub issuer: Arc<str>,
    pub subject: String,
    /// What it is meant for, this gateway among it.
    pub audiences: Vec<String>,
    pub expires: Timestamp,
    pub issued: Option<Timestamp>,
    claims: Value,
}

/// Why a token is not believed. None of these texts holds a piece of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("the token is no JSON Web Token")]
    Malformed,
    #[error("the token's header holds `{0}`: a key comes from the issuer's set alone, and no extension is understood")]
    Header(&'static str),
    #[error("the token's issuer is not one of this gateway's")]
    Issuer,
    /// Of this issuer, whose set may be older than the key.
    #[error("the token is signed by no key that its issuer's set holds")]
    UnknownKey(Arc<str>),
    #[error("the keys of the token's issuer were not read yet: try again")]
    NoKeys(Arc<str>),
    #[error("the token's algorithm is not allowed for its key")]
    Algorithm,
    #[error("the token's signature does not match")]
    Signature,
    #[error("the token lacks the claim `{0}`, or it is not of its type")]
    Claim(&'static str),
    #[error("the token is not meant for this gateway: its audience is another")]
    Audience,
    #[error("Specified SecurityToken is expired.")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token's subject is nobody here")]
    Nobody,
}

/// The parts of a token's header that decide something.
#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

/// The claim that says whose keys verify the token. The other claims are read once a key has verified it.
#[derive(Default)]
struct ClaimedIssuer(Option<Value>);

impl<'de> serde::Deserialize<'de> for ClaimedIssuer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfClaims;
        impl<'de> Visitor<'de> for OfClaims {
            type Value = ClaimedIssuer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut claims: A) -> Result<ClaimedIssuer, A::Error> {
                let mut issuer = ClaimedIssuer::default();
                while let Some(name) = claims.next_key::<Cow<'de, str>>()? {
                    match &*name {
                        "iss" => issuer = ClaimedIssuer(Some(claims.next_value()?)),
                        _ => _ = claims.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(issuer)
            }
        }
        deserializer.deserialize_map(OfClaims)
    }
}

#[derive(serde::Deserialize)]
struct Claims {
    #[serde(flatten)]
    all: serde_json::Map<String, Value>,
}

/// Verifies a token of one of the issuers.
///
/// # Errors
/// The first fault: form, issuer, key, algorithm, signature, audience, time, subject.
pub fn verify_token<'a>(
    issuers: impl IntoIterator<Item = &'a TokenIssuer>,
    token: &str,
    now: Timestamp,
) -> Result<(VerifiedToken, &'a TokenIssuer), TokenFault> {
    let (header, claimed) = parts(token)?;
    let issuer = claimed.0.as_ref().and_then(Value::as_str).ok_or(TokenFault::Claim("iss"))?;
    let issuer = issuers.into_iter().find(|known| *known.issuer == *issuer).ok_or(TokenFault::Issuer)?;
    let algorithm = header.alg.parse::<Algorithm>().map_err(|_| TokenFault::Algorithm)?;
    if !issuer.algorithms.contains(&TokenAlgorithm(algorithm)) {
        return Err(TokenFault::Algorithm);
    }
    let keys = issuer.keys.current().ok_or_else(|| TokenFault::NoKeys(Arc::clone(&issuer.issuer)))?;
    let key = keys.find(header.kid.as_deref());
    let key = key.ok_or_else(|| TokenFault::UnknownKey(Arc::clone(&issuer.issuer)))?;
    if !key.algorithms.contains(&algorithm) {
        return Err(TokenFault::Algorithm);
    }
    let validation = issuer.validation(algorithm);
    let verified = decode::<Claims>(token, &key.key, &validation).map_err(|error| fault_of(error.kind()))?;
    Ok((issuer.believe(verified.claims.all, now)?, issuer))
}

/// The header and the issuer that is claimed, before anything is believed.
fn parts(token: &str) -> Result<(Header, ClaimedIssuer), TokenFault> {
    if token.len() > LONGEST {
        return Err(TokenFault::Malformed);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenFault::Malformed);
    };
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Malformed);
    let (header, claims) = (decoded(header)?, decoded(claims)?);
    if decoded(signature)?.is_empty() {
        return Err(TokenFault::Signature);
    }
    let header: Header = serde_json::from_slice(&header).map_err(|_| TokenFault::Malformed)?;
    const NEVER: [&str; 8] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip"];
    if let Some(name) = NEVER.into_iter().find(|name| header.others.contains_key(*name)) {
        return Err(TokenFault::Header(name));
    }
    let typed = header.typ.as_deref().unwrap_or("JWT");
    if !["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typed)) {
        return Err(TokenFault::Header("typ"));
    }
    let claims = serde_json::from_slice(&claims).map_err(|_| TokenFault::Malformed)?;
    Ok((header, claims))
}

impl TokenIssuer {
    /// What the library checks; times are checked against the time that is told.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&*self.issuer]);
        validation.set_audience(&self.audience);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        validation
    }

    /// Who a believed token's subject is here.
    ///
    /// # Errors
    /// [`TokenFault::Nobody`].
    pub fn principal(&self, token: &VerifiedToken) -> Result<Principal, TokenFault> {
        let mapping = self.principals.iter().find(|mapping| mapping.is_of(&token.subject, &token.claims));
        mapping.map(|mapping| mapping.principal.clone()).ok_or(TokenFault::Nobody)
    }

    fn believe(&self, all: serde_json::Map<String, Value>, now: Timestamp) -> Result<VerifiedToken, TokenFault> {
        let claims = &all;
        let expires = time(claims, "exp")?.ok_or(TokenFault::Claim("exp"))?;
        let leeway = jiff::SignedDuration::try_from(self.leeway).unwrap_or_default();
        if now.saturating_sub(leeway).is_ok_and(|earlier| earlier >= expires) {
            return Err(TokenFault::Expired);
        }
        let later = now.saturating_add(leeway).unwrap_or(now);
        match (time(claims, "nbf")?, self.not_before) {
            (None, NotBefore::Required) => return Err(TokenFault::Claim("nbf")),
            (Some(begins), _) if later < begins => return Err(TokenFault::NotYet),
            _ => {}
        }
        let issued = time(claims, "iat")?;
        if issued.is_some_and(|issued| later < issued) {
            return Err(TokenFault::NotYet);
        }
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            return Err(TokenFault::Claim("sub"));
        }
        let (issuer, subject) = (Arc::clone(&self.issuer), subject.to_owned());
        let audiences = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Ok(VerifiedToken { issuer, subject, audiences, expires, issued, claims: Value::Object(all) })
    }
}

impl TokenMapping {
    fn is_of(&self, subject: &str, claims: &Value) -> bool {
        let claimed = |pointer: &str| claims.pointer(pointer).and_then(Value::as_str);
        self.subject.matches(subject)
            && self.claims.iter().all(|(pointer, wanted)| claimed(pointer).is_some_and(|found| wanted.matches(found)))
    }
}

/// A NumericDate (RFC 7519, 2); a claim of another type is no time.
fn time(claims: &serde_json::Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenFault> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_number().and_then(Number::as_f64).filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    // A fraction is cut off: a token is never valid longer for it.
    #[allow(clippy::cast_possible_truncation, reason = "what does not fit is no time and saturates past every clock")]
    let whole = seconds.map(|seconds| seconds.floor() as i64).ok_or(TokenFault::Claim(name))?;
    Timestamp::from_second(whole).map(Some).map_err(|_| TokenFault::Claim(name))
}

fn fault_of(kind: &jsonwebtoken::errors::ErrorKind) -> TokenFault {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::InvalidIssuer => TokenFault::Issuer,
        ErrorKind::InvalidAudience => TokenFault::Audience,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::MissingAlgorithm => {
            TokenFault::Algorithm
        }
        ErrorKind::MissingRequiredClaim(name) => {
            let known = ["exp", "iss", "aud", "sub"].into_iter().find(|known| known == name);
            known.map_or(TokenFault::Malformed, TokenFault::Claim)
        }
        _ => TokenFault::Malformed,
    }
}

impl std::str::FromStr for TokenAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        let known = [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA];
        let found = text.parse().ok().filter(|algorithm| known.contains(algorithm));
        let names = || known.map(|algorithm| format!("`{algorithm:?}`")).join(", ");
        found.map(Self).ok_or_else(|| format!("`{text}` is no algorithm for tokens: use one of {}", names()))
    }
}
