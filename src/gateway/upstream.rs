//! The only sender. Of a caller's it takes a permit that was written down, and nothing else; of the gateway's own, a
//! query that can only list.
//!
//! A call is rebuilt from its parsed values and signed with the gateway's own key (V3), and no byte of the caller's goes
//! on; or it was permitted as its caller signed it, and goes on as it came. An attach has no idempotence token, so nothing is ever sent twice (`spec/wire-protocol.md` 5.4).

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    USER_AGENT,
};
use hyper::http::response::Parts;
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::audit::{Forwarded, Recorded};
use crate::envelope::{Format, unique_id};
use crate::identity::{Credential, UnsignedV3, canonical_query, format_timestamp, sign_v3};
use crate::pdp::Permit;
use crate::ram::{AccountId, Parameter, Parameters, Place, Region};

use super::fact_query::FactQuery;
use super::outgoing::Outgoing;
use super::reply::REQUEST_ID;
use super::unread::Unread;
use super::upstream_keys::{KeyFault, UpstreamKeys};

/// More than any answer of ECS has, pages of instances included.
const LARGEST_ANSWER: usize = 8 << 20;
/// More than a page of the largest instances has.
const LARGEST_DESCRIPTION: usize = 2 << 20;
/// An answer larger than this is passed on without a look for its code.
const LARGEST_READ: usize = 64 << 10;
/// For as long as nothing was sent, not reaching the upstream is certain.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A URL has at most 65,534 bytes, its host and the answer's format included.
const LONGEST_QUERY: usize = 64_000;
/// Below ECS's own 25 s, so that a connection is not closed under a call.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// Where calls go, and how long an answer may take.
#[derive(Clone, Debug)]
pub struct UpstreamTarget {
    /// `{region}` stands for the call's region.
    pub url: String,
    pub timeout: Duration,
}

pub struct Upstream {
    target: UpstreamTarget,
    keys: Arc<UpstreamKeys>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why there is no answer to pass on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    #[error("{0}: nothing was sent")]
    Key(KeyFault),
    #[error("the upstream cannot be reached, nothing was sent: {0}")]
    Unreachable(String),
    #[error("the call was sent and no answer came ({0}): the outcome is unknown, look before you repeat it")]
    OutcomeUnknown(String),
    #[error("the upstream answered with {0}, which is not passed on")]
    Answer(String),
}

/// The upstream's answer, whole.
#[derive(Debug)]
pub(super) struct UpstreamAnswer {
    endpoint: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// What a request is made of.
struct Rebuilt<'a> {
    credential: &'a Credential,
    region: &'a Region,
    action: &'a str,
    version: &'a str,
    parameters: &'a Parameters,
}

/// Why a request has no whole answer.
enum TransferFault {
    /// Nothing was sent.
    Unreachable(String),
    Broken(String),
    Late,
    TooLarge,
}

#[derive(serde::Deserialize)]
struct Brief {
    #[serde(rename = "RequestId")]
    request_id: Option<String>,
    #[serde(rename = "Code")]
    code: Option<String>,
    #[serde(rename = "Message")]
    message: Option<String>,
}

impl Upstream {
    /// A sender with a pool of connections of its own.
    pub fn new(target: UpstreamTarget, keys: impl Into<UpstreamKeys>, tls: ClientConfig) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT.min(target.timeout)));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(connector);
        Self { target, keys: Arc::new(keys.into()), client }
    }

    /// The gateway's own keys.
    pub(super) fn keys(&self) -> &UpstreamKeys {
        &self.keys
    }

    /// A sender to another product, with the same keys and connections.
    pub(super) fn beside(&self, url: String) -> Self {
        let target = UpstreamTarget { url, timeout: self.target.timeout };
        Self { target, keys: Arc::clone(&self.keys), client: self.client.clone() }
    }

    /// Whether calls of an account can be signed at that time.
    pub(super) fn check_key(&self, account: &AccountId, now: Timestamp) -> Result<(), KeyFault> {
        self.keys.of(account, now).map(drop)
    }

    /// The host of a region's endpoint, as audit lines name it.
    pub fn endpoint(&self, region: &Region) -> String {
        let url = self.url(region);
        url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).to_owned()
    }

    pub(super) async fn send(
        &self,
        recorded: &Recorded<Permit<Outgoing>>,
        format: Format,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<UpstreamAnswer, UpstreamFault> {
        let outgoing = recorded.inner().subject();
        let region = outgoing.as_ref().region();
        let request = match outgoing {
            Outgoing::Rebuilt(call) => {
                let key = self.keys.of(call.account(), now).map_err(UpstreamFault::Key)?;
                let rebuilt = Rebuilt {
                    credential: &key,
                    region,
                    action: call.operation().name(),
                    version: call.operation().version(),
                    parameters: call.parameters(),
                };
                self.request(&rebuilt, format, now)
            }
            Outgoing::Original(original) => original.request(&self.url(region), &self.endpoint(region)),
        };
        let deadline = deadline.min(Instant::now() + self.target.timeout);
        let answered = self.transfer(request, LARGEST_ANSWER, deadline).await;
        let (parts, body) = answered.map_err(|fault| match fault {
            TransferFault::Unreachable(why) => UpstreamFault::Unreachable(why),
            TransferFault::Broken(why) => UpstreamFault::OutcomeUnknown(why),
            TransferFault::Late => UpstreamFault::OutcomeUnknown("it took too long".to_owned()),
            TransferFault::TooLarge => UpstreamFault::Answer(format!("more than {LARGEST_ANSWER} bytes")),
        })?;
        if parts.status.is_redirection() || parts.status.is_informational() {
            return Err(UpstreamFault::Answer(format!("status {}", parts.status.as_u16())));
        }
        Ok(UpstreamAnswer { endpoint: self.endpoint(region), status: parts.status, headers: parts.headers, body })
    }

    /// Asks ECS what it knows of some resources: a call of the gateway's own, which no caller has a part in.
    pub(super) async fn describe(&self, query: &FactQuery, now: Timestamp) -> Result<Bytes, Unread> {
        let parameters = query.parameters();
        let key = self.keys.of(query.account(), now).map_err(Unread::Key)?;
        let rebuilt = Rebuilt {
            credential: &key,
            region: query.region(),
            action: query.operation(),
            version: FactQuery::VERSION,
            parameters: &parameters,
        };
        let request = self.request(&rebuilt, Format::Json, now);
        let answered = self.transfer(request, LARGEST_DESCRIPTION, Instant::now() + self.target.timeout).await;
        let (parts, body) = answered.map_err(|fault| match fault {
            TransferFault::Unreachable(why) => Unread::Unreachable(why),
            TransferFault::Broken(why) => Unread::NoAnswer(why),
            TransferFault::Late => Unread::Late,
            TransferFault::TooLarge => Unread::TooLarge(LARGEST_DESCRIPTION),
        })?;
        if parts.status != StatusCode::OK {
            return Err(Unread::Status { status: parts.status.as_u16(), code: Brief::of(&body).code });
        }
        Ok(body)
    }

    /// Sends a request once, and takes the whole answer.
    async fn transfer(
        &self,
        request: Request<Full<Bytes>>,
        largest: usize,
        deadline: Instant,
    ) -> Result<(Parts, Bytes), TransferFault> {
        let late = |_| TransferFault::Late;
        let response = timeout_at(deadline, self.client.request(request)).await.map_err(late)?;
        let response = response.map_err(|error| {
            let why = error_chain(&error);
            if error.is_connect() { TransferFault::Unreachable(why) } else { TransferFault::Broken(why) }
        })?;
        let (parts, body) = response.into_parts();
        let body = timeout_at(deadline, Limited::new(body, largest).collect()).await.map_err(late)?;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => TransferFault::TooLarge,
            false => TransferFault::Broken(error.to_string()),
        })?;
        Ok((parts, body.to_bytes()))
    }

    fn url(&self, region: &Region) -> String {
        self.target.url.replace("{region}", region.as_str())
    }

    /// The format of the answer goes along as a parameter, whatever the caller's scheme (design 8).
    fn request(&self, rebuilt: &Rebuilt<'_>, format: Format, now: Timestamp) -> Request<Full<Bytes>> {
        let asked = Parameter { name: "Format", value: format.as_str(), place: Place::Query };
        let query = canonical_query(rebuilt.parameters.iter().chain([asked]));
        let nonce = unique_id();
        let signed = sign_v3(
            &UnsignedV3 {
                method: crate::wire::Method::Post,
                host: &self.endpoint(rebuilt.region),
                action: rebuilt.action,
                version: rebuilt.version,
                timestamp: &format_timestamp(now),
                nonce: &nonce,
                query: &query,
            },
            rebuilt.credential,
        );
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::POST;
        let uri = format!("{}/?{query}", self.url(rebuilt.region));
        *request.uri_mut() = uri.parse().expect("a checked URL and an encoded query");
        let headers = request.headers_mut();
        for (name, value) in signed {
            let mut value = HeaderValue::try_from(value).expect("hexadecimal, ids, dates and a checked token");
            value.set_sensitive(name == "x-acs-security-token");
            headers.insert(HeaderName::from_static(name), value);
        }
        headers.insert(
            ACCEPT,
            HeaderValue::from_static(match format {
                Format::Json => "application/json",
                Format::Xml => "text/xml",
            }),
        );
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ramgate/", env!("CARGO_PKG_VERSION"))));
        request
    }
}

/// Whether the query of a call fits into a URL. A byte becomes three at most, so the query of an ordinary call need not
/// be made to tell.
pub(super) fn fits(parameters: &Parameters) -> bool {
    let most: usize = parameters.iter().map(|given| (given.name.len() + given.value.len()) * 3 + 2).sum();
    most <= LONGEST_QUERY || canonical_query(parameters.iter()).as_str().len() <= LONGEST_QUERY
}

/// The same for a query that is sent on as it came.
pub(super) fn fits_as_it_is(query: &[u8]) -> bool {
    query.len() <= LONGEST_QUERY
}

impl UpstreamAnswer {
    /// What is written down of it.
    pub(super) fn forwarded(&self, latency: Duration) -> Forwarded {
        let brief = Brief::of(&self.body);
        let header = self.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let failed = !self.status.is_success();
        Forwarded {
            endpoint: self.endpoint.clone(),
            status: self.status.as_u16(),
            request_id: header.or(brief.request_id),
            code: brief.code.filter(|_| failed),
            message: brief.message.filter(|_| failed),
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

impl Brief {
    fn of(body: &[u8]) -> Self {
        let nothing = Self { request_id: None, code: None, message: None };
        if body.len() > LARGEST_READ {
            return nothing;
        }
        if body.first() == Some(&b'<') {
            let text = String::from_utf8_lossy(body);
            let element = |name: &str| {
                let (_, rest) = text.split_once(&format!("<{name}>"))?;
                rest.split_once('<').map(|(value, _)| value.to_owned())
            };
            return Self { request_id: element("RequestId"), code: element("Code"), message: element("Message") };
        }
        serde_json::from_slice(body).unwrap_or(nothing)
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

/// An error and what caused it, in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("target", &self.target).finish_non_exhaustive()
    }
}
