//! What is judged, recorded and sent: one value all the way, so that what is sent is what was judged.
//!
//! An original call keeps the bytes that were read and the headers that may be forwarded with them. A header is forwarded
//! if it is listed here or covered by the signature, and for no other reason. A signed header cannot be dropped without
//! breaking the signature, so a call that signs a header which must not be forwarded is rejected.

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

#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Rebuilt from its values when it is sent, and signed with the gateway's own key.
    Rebuilt(Call),
    /// Sent as it came.
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

#[derive(Debug)]
pub(crate) struct Original {
    call: Call,
    method: Method,
    target: PathAndQuery,
    /// With a `Host` where the caller signed it.
    headers: HeaderMap,
    body: Bytes,
}

/// Why a call cannot go on as it came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginalError {
    #[error(
        "the signed header `{0}` says where the caller is; it must not go on, and the signature breaks without it: do not send it"
    )]
    Claim(String),
    #[error("the header `{0}` is signed and belongs to one hop, so it cannot go on: leave it out of SignedHeaders")]
    Hop(String),
    #[error("the signed header `{0}` is not one whose meaning to ECS is known here: do not send it")]
    Unknown(String),
    #[error("the signed header `{0}` is one by which some readers take a request for another: do not send it")]
    Override(String),
    #[error("the signed header `x-acs-region-id` names another region than the parameter `RegionId`")]
    Region,
    #[error(
        "the host `{0}` is signed and goes on as it is, and it is not one of `hosts` in the gateway's configuration"
    )]
    Host(String),
    #[error("the call has no signature of its caller's to go on with")]
    Unsigned,
    #[error("the request holds what cannot be sent on as it came: {0}")]
    Unsendable(&'static str),
}

/// Unsigned as a rule, and harmless: what the body is, and what answer is wanted by whom.
const ALWAYS: [HeaderName; 3] = [CONTENT_TYPE, ACCEPT, USER_AGENT];
/// By which a caller, or a proxy of its own, says where it is (`docs/spec/wire-protocol.md` 8, row 12).
const CLAIMS: [&str; 6] =
    ["x-acs-source-ip", "x-acs-secure-transport", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip"];
const CLAIM_PREFIXES: [&str; 3] = ["x-acs-proxy-", "x-acsproxy-", "x-forwarded-"];
const OF_ONE_HOP: [&str; 6] = ["connection", "content-length", "keep-alive", "te", "transfer-encoding", "via"];
/// Stands for a method, a target or a host where a reader lets it (`docs/spec/wire-protocol.md` 8, row 19).
const OVERRIDES: [&str; 6] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
];
/// What clients sign of the vendor's own headers (`docs/spec/wire-protocol.md` 3.1). Of any other nobody here knows
/// whether it changes what a call does.
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
    /// `call` is what was read of `head` and `body`, and `claim` its signature.
    ///
    /// # Errors
    /// A header that is signed and must not go on, or a host that may not.
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
                .map_err(|_| OriginalError::Unsendable("a character of the query that must be percent-encoded"))?,
        };
        Ok(Self { call, method, target, headers, body: body.clone() })
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// The request to send to `url`; `endpoint` is its host, for a caller who signed none.
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

/// Whether a signed header may go on. In its name `_` counts as `-`: some readers make no difference.
fn check_signed(name: &str, signed: &Signed<'_>, call: &Call) -> Result<(), OriginalError> {
    let alike = name.replace('_', "-");
    let alike = alike.as_str();
    if CLAIMS.contains(&alike) || CLAIM_PREFIXES.iter().any(|prefix| alike.starts_with(prefix)) {
        return Err(OriginalError::Claim(excerpt(name)));
    }
    if OF_ONE_HOP.contains(&alike) || alike.starts_with("proxy-") {
        return Err(OriginalError::Hop(excerpt(name)));
    }
    if OVERRIDES.contains(&alike) {
        return Err(OriginalError::Override(excerpt(name)));
    }
    if alike.starts_with("x-acs") && !VENDORS.contains(&name) {
        return Err(OriginalError::Unknown(excerpt(name)));
    }
    if name == "x-acs-region-id" && signed.header(name) != Some(call.region().as_str()) {
        return Err(OriginalError::Region);
    }
    Ok(())
}

/// The first header of that name, as it came; those that are repeated were refused.
fn copy(name: &str, signed: &Signed<'_>, headers: &mut HeaderMap) -> Result<(), OriginalError> {
    let Some((_, value)) = signed.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) else {
        return Ok(());
    };
    let unsendable = |_| OriginalError::Unsendable("a header that no header may be");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ()).map_err(unsendable)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| ()).map_err(unsendable)?;
    headers.insert(name, value);
    Ok(())
}
