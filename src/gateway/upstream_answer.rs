//! The upstream's answer to a forwarded call, and what of it goes back to the caller.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use hyper::http::response::Parts;
use hyper::{Response, StatusCode};

use crate::audit::Forwarded;
use crate::catalog::OwnKeyFault;

use super::reply::REQUEST_ID;
use super::upstream_error::Brief;

/// A success larger than this is passed on without a look for its request id and code. Errors are always read.
const LARGEST_READ: usize = 64 << 10;

/// The upstream's answer, whole.
#[derive(Debug)]
pub(super) struct UpstreamAnswer {
    endpoint: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    brief: Brief,
}

/// An answer that is about the gateway's own key: nothing of it is for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream refuses the gateway's own key with status {status}, `{code}`")]
pub struct OwnKeyRefusal {
    pub(super) fault: &'static OwnKeyFault,
    status: u16,
    code: String,
    message: Option<String>,
    request_id: Option<String>,
}

impl UpstreamAnswer {
    pub(super) fn new(endpoint: String, parts: Parts, body: Bytes) -> Self {
        let unread = parts.status.is_success() && body.len() > LARGEST_READ;
        let brief = if unread { Brief::default() } else { Brief::of(&body) };
        Self { endpoint, status: parts.status, headers: parts.headers, body, brief }
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(super) fn brief(&self) -> &Brief {
        &self.brief
    }

    /// The upstream's id of the call.
    pub(super) fn request_id(&self) -> Option<&str> {
        let header = self.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        header.or(self.brief.request_id.as_deref())
    }

    /// Whether it is an error that no client of this API could read either.
    pub(super) fn is_unreadable(&self) -> bool {
        !self.status.is_success() && self.brief.code.is_none()
    }

    /// The same answer as one that is about the gateway's key.
    pub(super) fn refusal(&self, fault: &'static OwnKeyFault) -> OwnKeyRefusal {
        let Brief { code, message, .. } = &self.brief;
        OwnKeyRefusal {
            fault,
            status: self.status(),
            code: code.clone().unwrap_or_default(),
            message: message.as_deref().map(|message| Brief::without_echo(message).to_owned()),
            request_id: self.request_id().map(str::to_owned),
        }
    }

    /// What is written down of it.
    pub(super) fn forwarded(&self, latency: Duration) -> Forwarded {
        let failed = !self.status.is_success();
        Forwarded {
            endpoint: self.endpoint.clone(),
            status: self.status(),
            upstream_status: None,
            request_id: self.request_id().map(str::to_owned),
            code: self.brief.code.clone().filter(|_| failed),
            message: self.brief.message.clone().filter(|_| failed),
            latency,
            failure: None,
        }
    }

    /// Status, headers and body as they came, but for what belongs to one hop.
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = end_to_end(self.headers);
        response
    }
}

impl OwnKeyRefusal {
    /// The upstream's status.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The upstream's code.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// What is written down of it: what the upstream said, and that the caller got `answered` instead.
    pub(super) fn forwarded(&self, endpoint: String, answered: u16, latency: Duration) -> Forwarded {
        Forwarded {
            endpoint,
            status: answered,
            upstream_status: Some(self.status),
            request_id: self.request_id.clone(),
            code: Some(self.code.clone()),
            message: self.message.clone(),
            latency,
            failure: Some(self.to_string()),
        }
    }
}

/// Removes hop-by-hop headers, and those that `Connection` names.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let hop_by_hop =
        [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")];
    let proxy: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in hop_by_hop.into_iter().chain(named).chain(proxy) {
        headers.remove(name);
    }
    headers
}
