//! The upstream's answer to a forwarded call, and which parts of it are passed on to the caller.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::http::response::Parts;
use hyper::{Response, StatusCode};

use crate::audit::Forwarded;
use crate::catalog::{OwnKeyClass, OwnKeyCode};
use crate::ram::AccessKeyId;
use ram_policy::AccountId;

use super::error_brief::Brief;
use super::own_identity::{OwnIdentity, keep_for_callers};

/// In bytes. The request id of a larger successful answer is not looked for in its body. Errors are always parsed.
const LARGEST_READ: usize = 64 << 10;

/// The upstream's complete answer.
#[derive(Debug)]
pub(crate) struct UpstreamAnswer {
    endpoint: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    brief: Brief,
}

/// An answer that is about the gateway itself, so no part of it is passed on to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .about.message(*.status, .code))]
pub struct OwnKeyRefusal {
    about: About,
    status: u16,
    code: String,
    message: Option<String>,
    request_id: Option<String>,
}

/// What an answer says about the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The answer is about the gateway's key.
    Key(&'static OwnKeyCode),
    /// The answer is about the call, but names the gateway as its signer.
    Identity,
}

impl About {
    /// The error message. For `Identity` it reaches the caller, so it must not contain the upstream's code.
    fn message(self, status: u16, code: &str) -> String {
        match self {
            Self::Key(_) => format!("the upstream refuses the gateway's own key with status {status}, `{code}`"),
            Self::Identity => {
                let unknown = if status < 500 { "" } else { ": the outcome is unknown, look before you repeat it" };
                format!(
                    "the upstream's answer with status {status} is about the gateway itself, which is not passed \
                     on{unknown}"
                )
            }
        }
    }
}

impl UpstreamAnswer {
    pub(crate) fn new(endpoint: String, parts: Parts, body: Bytes) -> Self {
        let unread = parts.status.is_success() && body.len() > LARGEST_READ;
        let brief = if unread { Brief::default() } else { Brief::of(&body) };
        Self { endpoint, status: parts.status, headers: parts.headers, body, brief }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(crate) fn brief(&self) -> &Brief {
        &self.brief
    }

    /// The request id that the upstream gave the call.
    pub(crate) fn request_id(&self) -> Option<&str> {
        let header = self.headers.get(crate::envelope::REQUEST_ID).and_then(|id| id.to_str().ok());
        header.or(self.brief.request_id.as_deref())
    }

    /// Whether it is an error that no client of this API could parse.
    pub(crate) fn is_unreadable(&self) -> bool {
        let is_page = || {
            let kind = self.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
            kind.to_ascii_lowercase().starts_with(b"text/html")
        };
        !self.status.is_success() && (self.brief.code.is_none() || is_page())
    }

    /// The answer to a call that the gateway signed, reduced to the headers that callers need.
    ///
    /// # Errors
    /// The answer is an error that names the gateway. Successful answers contain what the caller requested, so they are
    /// not searched.
    pub(crate) fn for_callers(mut self, key: &AccessKeyId, account: &AccountId) -> Result<Self, OwnKeyRefusal> {
        keep_for_callers(&mut self.headers);
        if self.status.is_success() {
            return Ok(self);
        }
        let own = OwnIdentity::new(key, account);
        if !own.is_in(&self.body) && !self.headers.values().any(|value| own.is_in(value.as_bytes())) {
            return Ok(self);
        }
        let mut refusal = self.about(About::Identity);
        let masked = key.masked();
        let hide = |text: &mut String| *text = text.replace(key.as_str(), &masked);
        hide(&mut refusal.code);
        refusal.message.iter_mut().chain(&mut refusal.request_id).for_each(hide);
        Err(refusal)
    }

    /// The refusal for an answer that is about the gateway's key.
    pub(crate) fn refusal(&self, fault: &'static OwnKeyCode) -> OwnKeyRefusal {
        self.about(About::Key(fault))
    }

    fn about(&self, about: About) -> OwnKeyRefusal {
        let Brief { code, message, .. } = &self.brief;
        let code = match about {
            About::Key(fault) => self.brief.code_of(fault),
            About::Identity => code.as_deref(),
        };
        OwnKeyRefusal {
            about,
            status: self.status(),
            code: code.unwrap_or_default().to_owned(),
            message: message.as_deref().map(|message| Brief::without_echo(message).to_owned()),
            request_id: self.request_id().map(str::to_owned),
        }
    }

    /// The outcome for the audit log.
    pub(crate) fn forwarded(&self, latency: Duration) -> Forwarded {
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

    /// Status, headers and body unchanged, without hop-by-hop headers.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = end_to_end(self.headers);
        response
    }
}

impl OwnKeyRefusal {
    /// What is wrong with the key; `None` if the answer names the gateway but is not about its key.
    pub(crate) fn class(&self) -> Option<OwnKeyClass> {
        match self.about {
            About::Key(fault) => Some(fault.class),
            About::Identity => None,
        }
    }

    /// The upstream's status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The upstream's code.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The outcome for the audit log: the upstream's answer, and the status `answered` that the caller got instead.
    pub(crate) fn forwarded(&self, endpoint: String, answered: u16, latency: Duration) -> Forwarded {
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

/// Removes hop-by-hop headers, including those that `Connection` names.
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
