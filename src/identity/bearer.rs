//! Bearer tokens: where a call may carry one, and what must not accompany it (`docs/spec/wire-protocol.md` 4.3).

use super::error::IdentityError;
use super::signed::{ClaimFields, Signed};

/// The only token of a call, and the call's unsigned fields.
#[derive(Clone)]
pub struct BearerClaim<'a> {
    token: &'a str,
    claimed: ClaimFields<'a>,
}

/// Headers that can only carry a token.
const HEADERS: [&str; 2] = ["x-acs-bearer-token", "x-acs-zero-trust-idtoken"];

impl<'a> BearerClaim<'a> {
    /// Whether a call carries a token or claims to.
    pub(super) fn is_in(signed: &Signed<'_>) -> bool {
        let named = signed.parameters.value("SignatureType").unwrap_or_default();
        HEADERS.iter().any(|name| signed.header(name).is_some())
            || signed.parameters.value("BearerToken").is_some()
            || named.eq_ignore_ascii_case("BEARERTOKEN")
            || signed.header("authorization").is_some_and(|value| scheme_token(value).is_some())
    }

    /// Reads the token.
    ///
    /// # Errors
    /// No token, two tokens, or a part of another scheme.
    pub fn read(signed: &Signed<'a>) -> Result<Self, IdentityError> {
        let value = |name: &str| signed.parameters.value(name);
        // The old Go client adds a signature made with an empty key, which has no AccessKey id.
        if value("AccessKeyId").is_some_and(|id| !id.is_empty()) {
            return Err(IdentityError::TwoSchemes("a bearer token", "an `AccessKeyId`"));
        }
        let named = value("SignatureType").unwrap_or_default();
        if !named.is_empty() && !named.eq_ignore_ascii_case("BEARERTOKEN") {
            return Err(IdentityError::TwoSchemes("a bearer token", "another `SignatureType`"));
        }
        let authorization = signed.header("authorization");
        let from_authorization = authorization.map(|value| scheme_token(value).ok_or(value)).transpose();
        let from_authorization =
            from_authorization.map_err(|_| IdentityError::TwoSchemes("an `Authorization` header", "a bearer token"))?;
        let [acs, zero_trust] = HEADERS.map(|name| signed.header(name));
        // The old Java client sends the token both as a header and as a parameter. If they are equal, they count as
        // one.
        let parameter = value("BearerToken").filter(|token| acs != Some(token));
        let found = [from_authorization, acs, zero_trust, parameter];
        let mut tokens = found.into_iter().flatten();
        let token = match (tokens.next(), tokens.next()) {
            (Some(token), None) if !token.is_empty() => token,
            (Some(_), Some(_)) => return Err(IdentityError::TwoSchemes("a bearer token", "another bearer token")),
            _ => return Err(IdentityError::Missing("BearerToken")),
        };
        if HEADERS.iter().chain(&["authorization"]).any(|name| times(signed, name) > 1) {
            return Err(IdentityError::TwoSchemes("a bearer token", "another bearer token"));
        }
        let session = value("SecurityToken").is_some_and(|token| !token.is_empty());
        if session || signed.header("x-acs-security-token").is_some() {
            return Err(IdentityError::TwoSchemes("a bearer token", "a security token"));
        }
        let claimed = ClaimFields {
            access_key_id: "",
            action: either(signed, "Action", "x-acs-action")?,
            version: either(signed, "Version", "x-acs-version")?,
            timestamp: "",
            nonce: "",
            security_token: None,
        };
        Ok(Self { token, claimed })
    }

    /// The token.
    pub fn token(&self) -> &'a str {
        self.token
    }

    /// The call's unsigned fields.
    pub fn fields(&self) -> ClaimFields<'a> {
        self.claimed
    }
}

/// The token of `Bearer TOKEN`.
fn scheme_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token.trim_matches(' '))
}

/// The value of a parameter or header, either of which may be absent. Both are unsigned here. Case is ignored, because
/// one client sends the action with a lower-case first letter in the header.
pub(super) fn either<'a>(
    signed: &Signed<'a>,
    parameter: &'static str,
    header: &'static str,
) -> Result<Option<&'a str>, IdentityError> {
    if times(signed, header) > 1 {
        return Err(IdentityError::Differ(header, header));
    }
    match (signed.parameters.value(parameter), signed.header(header)) {
        (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => Err(IdentityError::Differ(parameter, header)),
        (one, other) => Ok(one.or(other)),
    }
}

fn times(signed: &Signed<'_>, name: &str) -> usize {
    signed.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count()
}

impl std::fmt::Debug for BearerClaim<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BearerClaim").field("claimed", &self.claimed).finish_non_exhaustive()
    }
}
