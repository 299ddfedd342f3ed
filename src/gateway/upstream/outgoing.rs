//! The call that is judged, recorded and sent. It is one value throughout, so that the call that is sent is the one
//! that was judged.
//!
//! An original call keeps the bytes that were read and the headers that may be forwarded with them. A header is
//! forwarded only if it is listed here or covered by the signature. Dropping a signed header would break the signature,
//! so a call that signs a header which must not be forwarded is rejected.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request};

use crate::catalog::Call;
use crate::identity::{Claim, Signed};
use crate::pdp::Subject;
use crate::wire::{self, Head, excerpt};
use ram_policy::{Action, Resource, UnknownKeys};

/// A call in the form in which it is sent.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Rebuilt from its values when it is sent, and signed with the gateway's own key.
    Rebuilt(Call),
    /// Forwarded unchanged, with its caller's signature.
    Original(Box<Original>),
}

impl AsRef<Call> for Outgoing {
    fn as_ref(&self) -> &Call {
        match self {
            Self::Rebuilt(call) => call,
            Self::Original(original) => original.call(),
        }
    }
}

impl Subject for Outgoing {
    fn action(&self) -> &Action {
        self.as_ref().action()
    }

    fn resources(&self) -> &[Resource<'_>] {
        self.as_ref().resources()
    }

    fn is_unlisted(&self) -> bool {
        self.as_ref().is_unlisted()
    }

    fn unknown_keys(&self) -> Arc<UnknownKeys> {
        Arc::clone(self.as_ref().unknown_keys())
    }
}

/// A call that is forwarded unchanged.
#[derive(Debug)]
pub(crate) struct Original {
    call: Call,
    method: Method,
    target: PathAndQuery,
    /// Includes `Host` only if the caller signed it.
    headers: HeaderMap,
    body: Bytes,
}

/// Why a call cannot be forwarded unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginalError {
    #[error(
        "the signed header `{0}` says where the caller is: it must not be forwarded, and the signature breaks without \
         it; do not send it"
    )]
    Claim(String),
    #[error(
        "the header `{0}` is signed and belongs to one hop, so it cannot be forwarded: leave it out of `SignedHeaders`"
    )]
    Hop(String),
    #[error("the gateway does not know what the signed header `{0}` means to ECS: do not send it")]
    Unknown(String),
    #[error("the signed header `{0}` overrides the method, target or host in some servers: do not send it")]
    Override(String),
    #[error("the signed header `x-acs-region-id` and the parameter `RegionId` name different regions")]
    Region,
    #[error(
        "the host `{0}` is signed and would be forwarded, but it is not one of `hosts` in the gateway's configuration"
    )]
    Host(String),
    #[error("the call is not signed by its caller, so it cannot be forwarded: sign it")]
    Unsigned,
    #[error("the request cannot be forwarded unchanged: it contains {0}")]
    Unsendable(&'static str),
}

/// Forwarded even if they are not signed. They describe the body, the accepted formats and the client, and are
/// harmless.
const ALWAYS: [HeaderName; 3] = [CONTENT_TYPE, ACCEPT, USER_AGENT];
/// Headers in which a caller, or a proxy on its side, claims the caller's address or transport
/// (`docs/spec/wire-protocol.md` 8, row 12).
const CLAIMS: [&str; 6] =
    ["x-acs-source-ip", "x-acs-secure-transport", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip"];
const CLAIM_PREFIXES: [&str; 3] = ["x-acs-proxy-", "x-acsproxy-", "x-forwarded-"];
const OF_ONE_HOP: [&str; 6] = ["connection", "content-length", "keep-alive", "te", "transfer-encoding", "via"];
/// Headers that some servers use in place of the method, target or host (`docs/spec/wire-protocol.md` 8, row 19).
const OVERRIDES: [&str; 6] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
];
/// The vendor's own headers that clients sign (`docs/spec/wire-protocol.md` 3.1). Any other header with the vendor's
/// prefix might change what a call does.
const VENDORS: [&str; 10] = [
    "x-acs-accesskey-id",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-credentials-provider",
    "x-acs-date",
    "x-acs-region-id",
    "x-acs-retry-attempts",
    "x-acs-retry-delay",
    "x-acs-signature-nonce",
    "x-acs-version",
];

impl Original {
    /// Selects the headers to forward. `call` was parsed from `head` and `body`, and `claim` is its signature.
    ///
    /// # Errors
    /// The call is not signed, signs a header or a host that must not be forwarded, or contains characters that cannot
    /// be sent.
    pub(crate) fn new(
        call: Call,
        head: &Head,
        body: &Bytes,
        signed: &Signed<'_>,
        claim: Option<&Claim<'_>>,
        host_is_configured: bool,
    ) -> Result<Self, OriginalError> {
        let mut headers = HeaderMap::with_capacity(16);
        match claim {
            Some(Claim::V1(_)) => {}
            Some(Claim::V3(claim)) => {
                for name in claim.signed_headers() {
                    check_signed(name, signed, &call)?;
                    copy(name, signed, &mut headers)?;
                }
                copy(AUTHORIZATION.as_str(), signed, &mut headers)?;
                if headers.contains_key(HOST) && !host_is_configured {
                    return Err(OriginalError::Host(excerpt(head.host())));
                }
            }
            Some(Claim::Bearer(_)) | None => return Err(OriginalError::Unsigned),
        }
        for name in ALWAYS {
            copy(name.as_str(), signed, &mut headers)?;
        }
        let method = match head.method() {
            wire::Method::Get => Method::GET,
            wire::Method::Post => Method::POST,
        };
        let target = match head.query() {
            [] => PathAndQuery::from_static("/"),
            query => PathAndQuery::from_maybe_shared([b"/?", query].concat())
                .map_err(|_| OriginalError::Unsendable("a character in the query that must be percent-encoded"))?,
        };
        Ok(Self { call, method, target, headers, body: body.clone() })
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// The request to send to `url`. `endpoint` is the host of that URL, used if the caller did not sign a host.
    pub(crate) fn request(&self, url: &str, endpoint: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = format!("{url}{}", self.target).parse().expect("a checked URL and a checked target");
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        headers.entry(HOST).or_insert_with(|| HeaderValue::from_str(endpoint).expect("the host of a checked URL"));
        request
    }
}

/// Checks that a signed header may be forwarded. In its name `_` counts as `-`, because some servers treat them the
/// same.
fn check_signed(name: &str, signed: &Signed<'_>, call: &Call) -> Result<(), OriginalError> {
    let normalized = name.replace('_', "-");
    let normalized = normalized.as_str();
    if CLAIMS.contains(&normalized) || CLAIM_PREFIXES.iter().any(|prefix| normalized.starts_with(prefix)) {
        return Err(OriginalError::Claim(excerpt(name)));
    }
    if OF_ONE_HOP.contains(&normalized) || normalized.starts_with("proxy-") {
        return Err(OriginalError::Hop(excerpt(name)));
    }
    if OVERRIDES.contains(&normalized) {
        return Err(OriginalError::Override(excerpt(name)));
    }
    if normalized.starts_with("x-acs") && !VENDORS.contains(&name) {
        return Err(OriginalError::Unknown(excerpt(name)));
    }
    if name == "x-acs-region-id" && signed.header(name) != Some(call.region().as_str()) {
        return Err(OriginalError::Region);
    }
    Ok(())
}

/// Copies a header unchanged, if it exists. A repeated header was rejected when the head was read.
fn copy(name: &str, signed: &Signed<'_>, headers: &mut HeaderMap) -> Result<(), OriginalError> {
    let Some((_, value)) = signed.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) else {
        return Ok(());
    };
    let unsendable = |_| OriginalError::Unsendable("a header with an invalid name or value");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ()).map_err(unsendable)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| ()).map_err(unsendable)?;
    headers.insert(name, value);
    Ok(())
}
