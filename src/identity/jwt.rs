//! JSON Web Tokens of configured issuers, and everything that is checked before a subject is trusted (RFC 7519, RFC
//! 8725).
//!
//! The issuer must be configured, the key must be in its set, and the algorithm must be allowed by the key and by the
//! configuration. The token's own header (`alg`, `kid`) only selects among these. A token that carries or refers to a
//! key is refused.

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

use ram_policy::{Glob, Principal};

use super::jwks::TokenKeys;

/// Longer than any real token (a service account's has about a thousand characters), and far below the limit of a head.
const LONGEST: usize = 16 << 10;
const LONGEST_SUBJECT: usize = 255;

/// Provides the current key set of an issuer. Implementations refresh it elsewhere.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// `None` until a set has been read for the first time.
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

/// A token issuer that is accepted, with its conditions (a section `[[identity.jwt]]`).
#[derive(Debug)]
pub struct TokenIssuer {
    /// The `iss` claim, exactly.
    pub issuer: Arc<str>,
    /// The name of its OIDC provider in RAM, if its tokens can be exchanged for keys.
    pub provider: Option<Arc<str>>,
    /// The `aud` claim must contain one of these.
    pub audience: Vec<String>,
    /// The algorithms that its tokens may use. The token's key must allow the algorithm as well.
    pub algorithms: Vec<TokenAlgorithm>,
    /// Whether its tokens must have `nbf`.
    pub not_before: NotBefore,
    /// The accepted deviation between clocks.
    pub leeway: Duration,
    /// Maps subjects to principals. If empty, its tokens can only be exchanged for keys.
    pub principals: Vec<TokenMapping>,
    /// Its public keys.
    pub keys: Box<dyn KeySource>,
}

/// Maps subjects to a principal. The first matching entry applies.
#[derive(Clone, Debug)]
pub struct TokenMapping {
    /// The `sub` claim must match this pattern.
    pub subject: Glob,
    /// Further claims by JSON pointer. Each must be a string that matches.
    pub claims: BTreeMap<String, Glob>,
    /// The principal as which calls with such a token are judged.
    pub principal: Principal,
}

/// Whether a token without `nbf` is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotBefore {
    #[default]
    /// It is refused.
    Required,
    /// It is accepted, and counts as valid from the beginning.
    Optional,
}

/// A public-key signature algorithm, the only kind that can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAlgorithm(Algorithm);

/// A token that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The `iss` claim, which is a configured issuer.
    pub issuer: Arc<str>,
    /// The `sub` claim: 1 to 255 bytes, without control characters.
    pub subject: String,
    /// The `aud` claim, which includes this gateway.
    pub audiences: Vec<String>,
    /// The `exp` claim, in whole seconds.
    pub expires: Timestamp,
    /// The `iat` claim, in whole seconds, if the token has one.
    pub issued: Option<Timestamp>,
    claims: Value,
}

/// Why a token is refused. None of these texts contains a part of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not three parts of base64url, its header or claims are not JSON objects, or it is too long.
    #[error("the token is not a JSON Web Token")]
    Malformed,
    /// The header carries or refers to a key, has an extension, or has an unknown `typ`. Contains the member's name.
    #[error(
        "the token's header contains `{0}`: keys must come from the issuer's set, and extensions are not supported"
    )]
    Header(&'static str),
    /// No configured issuer has the token's `iss`.
    #[error("the token's issuer is not configured at this gateway")]
    Issuer,
    /// The issuer's set has no such key; it may be older than the key. Contains the issuer.
    #[error("the token is signed with a key that is not in its issuer's set")]
    UnknownKey(Arc<str>),
    /// No key set of the issuer has been read since the start. Contains the issuer.
    #[error("the keys of the token's issuer have not been read yet: try again")]
    NoKeys(Arc<str>),
    /// The `alg` of the header is not allowed for the issuer, or does not fit the key.
    #[error("the token's algorithm is not allowed for its key")]
    Algorithm,
    /// The signature is empty, or the key did not make it.
    #[error("the token's signature does not match")]
    Signature,
    /// A required claim is missing, or a claim has the wrong type or form. Contains its name.
    #[error("the claim `{0}` of the token is missing or has the wrong type")]
    Claim(&'static str),
    /// The `aud` claim contains none of the issuer's configured audiences.
    #[error("the token is not meant for this gateway: its audience is different")]
    Audience,
    /// The time in `exp` has passed, even with the leeway.
    #[error("Specified SecurityToken is expired.")]
    Expired,
    /// The time in `nbf` or `iat` is in the future, even with the leeway.
    #[error("the token is not valid yet")]
    NotYet,
    /// No mapping of the issuer matches the token's subject and claims.
    #[error("the token's subject is not mapped to a principal")]
    NoPrincipal,
}

/// The significant parts of a token's header.
#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

/// The `iss` claim, which selects the key set. The other claims are read only after the token has been verified.
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
/// The first problem, in the order form, issuer, key, algorithm, signature, audience, time, subject.
pub fn verify_token<'a>(
    issuers: impl IntoIterator<Item = &'a TokenIssuer>,
    token: &str,
    now: Timestamp,
) -> Result<(VerifiedToken, &'a TokenIssuer), TokenError> {
    let (header, claimed) = parts(token)?;
    let issuer = claimed.0.as_ref().and_then(Value::as_str).ok_or(TokenError::Claim("iss"))?;
    let issuer = issuers.into_iter().find(|known| *known.issuer == *issuer).ok_or(TokenError::Issuer)?;
    let algorithm = header.alg.parse::<Algorithm>().map_err(|_| TokenError::Algorithm)?;
    if !issuer.algorithms.contains(&TokenAlgorithm(algorithm)) {
        return Err(TokenError::Algorithm);
    }
    let keys = issuer.keys.current().ok_or_else(|| TokenError::NoKeys(Arc::clone(&issuer.issuer)))?;
    let key = keys.find(header.kid.as_deref());
    let key = key.ok_or_else(|| TokenError::UnknownKey(Arc::clone(&issuer.issuer)))?;
    if !key.algorithms.contains(&algorithm) {
        return Err(TokenError::Algorithm);
    }
    let validation = issuer.validation(algorithm);
    let verified = decode::<Claims>(token, &key.key, &validation).map_err(|error| token_error(error.kind()))?;
    Ok((issuer.check_claims(verified.claims.all, now)?, issuer))
}

/// The header and the claimed issuer, before anything is verified.
fn parts(token: &str) -> Result<(Header, ClaimedIssuer), TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Malformed);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Malformed);
    };
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
    let (header, claims) = (decoded(header)?, decoded(claims)?);
    if decoded(signature)?.is_empty() {
        return Err(TokenError::Signature);
    }
    let header: Header = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
    const NEVER: [&str; 8] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip"];
    if let Some(name) = NEVER.into_iter().find(|name| header.others.contains_key(*name)) {
        return Err(TokenError::Header(name));
    }
    let typed = header.typ.as_deref().unwrap_or("JWT");
    if !["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(typed)) {
        return Err(TokenError::Header("typ"));
    }
    let claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)?;
    Ok((header, claims))
}

impl TokenIssuer {
    /// The checks left to the library. Times are not among them, because they are checked against the caller's `now`.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&*self.issuer]);
        validation.set_audience(&self.audience);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        validation
    }

    /// The principal that a verified token's subject is mapped to.
    ///
    /// # Errors
    /// [`TokenError::NoPrincipal`].
    pub fn principal(&self, token: &VerifiedToken) -> Result<Principal, TokenError> {
        let mapping = self.principals.iter().find(|mapping| mapping.is_of(&token.subject, &token.claims));
        mapping.map(|mapping| mapping.principal.clone()).ok_or(TokenError::NoPrincipal)
    }

    /// Checks the claims that the library does not check: times and subject.
    fn check_claims(&self, all: serde_json::Map<String, Value>, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        let claims = &all;
        let expires = time(claims, "exp")?.ok_or(TokenError::Claim("exp"))?;
        let leeway = jiff::SignedDuration::try_from(self.leeway).unwrap_or_default();
        if now.saturating_sub(leeway).is_ok_and(|earlier| earlier >= expires) {
            return Err(TokenError::Expired);
        }
        let later = now.saturating_add(leeway).unwrap_or(now);
        match (time(claims, "nbf")?, self.not_before) {
            (None, NotBefore::Required) => return Err(TokenError::Claim("nbf")),
            (Some(begins), _) if later < begins => return Err(TokenError::NotYet),
            _ => {}
        }
        let issued = time(claims, "iat")?;
        if issued.is_some_and(|issued| later < issued) {
            return Err(TokenError::NotYet);
        }
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            return Err(TokenError::Claim("sub"));
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

/// A NumericDate (RFC 7519, 2). A claim of another type is an error.
fn time(claims: &serde_json::Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_number().and_then(Number::as_f64).filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    // A fraction is dropped, so that it never extends a token's validity.
    #[allow(clippy::cast_possible_truncation, reason = "a value out of range saturates, and `from_second` refuses it")]
    let whole = seconds.map(|seconds| seconds.floor() as i64).ok_or(TokenError::Claim(name))?;
    Timestamp::from_second(whole).map(Some).map_err(|_| TokenError::Claim(name))
}

fn token_error(kind: &jsonwebtoken::errors::ErrorKind) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::MissingAlgorithm => {
            TokenError::Algorithm
        }
        ErrorKind::MissingRequiredClaim(name) => {
            let known = ["exp", "iss", "aud", "sub"].into_iter().find(|known| known == name);
            known.map_or(TokenError::Malformed, TokenError::Claim)
        }
        _ => TokenError::Malformed,
    }
}

impl std::str::FromStr for TokenAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        let known = [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA];
        let found = text.parse().ok().filter(|algorithm| known.contains(algorithm));
        let names = || known.map(|algorithm| format!("`{algorithm:?}`")).join(", ");
        found.map(Self).ok_or_else(|| format!("`{text}` is not an accepted token algorithm: use one of {}", names()))
    }
}
