//! The only sender. It sends a caller's call only with a permit that is in the log, and requests of the gateway's own
//! only if they read.
//!
//! A call is either rebuilt from its parsed values and signed with the gateway's own key (V3), without any bytes of the
//! caller's request, or forwarded unchanged as its caller signed it. An attach has no idempotence token, so nothing is
//! ever sent twice (`docs/spec/wire-protocol.md` 5.4).

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::response::Parts;
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::audit::Recorded;
use crate::catalog::{OwnKeyClass, OwnKeyCode};
use crate::envelope::{Format, unique_id};
use crate::identity::{Credential, UnsignedV3, canonical_query, format_timestamp, sign_v3};
use crate::pdp::Permit;
use crate::ram::{Parameter, Parameters, ParametersBuilder, Place, Region};
use ram_policy::AccountId;

use super::answer::{OwnKeyRefusal, UpstreamAnswer};
use super::key_health::{KeyHealth, SignedCall};
use super::keys::{KeyError, UpstreamKeys};
use super::outgoing::Outgoing;
use crate::gateway::client::error_chain;
use crate::gateway::clock;
use crate::gateway::facts::{AttributeQuery, AttributeReadError};

/// In bytes: larger than any answer of ECS, including pages of instances.
const LARGEST_ANSWER: usize = 8 << 20;
/// In bytes: larger than a page of the largest instances.
const LARGEST_DESCRIPTION: usize = 2 << 20;
/// Separate from the timeout of the call: a call that fails while connecting has certainly had no effect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// In bytes. A URL has at most 65,534, of which the host and the parameter `Format` need some.
const LONGEST_QUERY: usize = 64_000;
/// Shorter than the 25 s of ECS, so that ECS does not close a connection just as a call is sent on it.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// Where calls are sent, and how long an answer may take.
#[derive(Clone, Debug)]
pub struct UpstreamTarget {
    /// `{region}` is replaced with the call's region.
    pub url: String,
    pub timeout: Duration,
}

/// A sender to one upstream, with its keys and its pool of connections.
pub struct Upstream {
    target: UpstreamTarget,
    keys: Arc<UpstreamKeys>,
    health: KeyHealth,
    probe: Probe,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why the upstream's answer cannot be passed on, or does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("{0}: nothing was sent")]
    Key(KeyError),
    #[error("the upstream cannot be reached, nothing was sent: {0}")]
    Unreachable(String),
    #[error("the call was sent and no answer came ({0}): the outcome is unknown, look before you repeat it")]
    OutcomeUnknown(String),
    #[error("the upstream answered with {0}, which is not passed on")]
    Answer(String),
    /// An error that no client of this API could parse, and that may be about the gateway's key.
    #[error(
        "the upstream answered with status {status} without a code that can be read, which is not passed on{}",
        if *.status < 500 { "" } else { ": the outcome is unknown, look before you repeat it" }
    )]
    Unreadable { status: u16, request_id: Option<String> },
    /// Boxed because it keeps the upstream's message.
    #[error("{0}")]
    OwnKey(Box<OwnKeyRefusal>),
}

/// The read that shows, without traffic, whether the gateway's key is accepted again. Its result does not matter:
/// ECS reports a missing permission or resource only after it has accepted the key.
#[derive(Clone, Debug)]
struct Probe {
    action: &'static str,
    version: String,
}

/// What the answer to a probe says about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probed {
    Accepted,
    /// The upstream does not have the operation, so the probe can never succeed there.
    NoSuchOperation,
    /// The key is refused, or the answer does not show whether it is accepted.
    Undecided,
}

/// The values that a signed request is built from.
struct Rebuilt<'a> {
    credential: &'a Credential,
    region: &'a Region,
    action: &'a str,
    version: &'a str,
    parameters: &'a Parameters,
}

/// Why a request has no complete answer.
enum TransferError {
    /// Nothing was sent.
    Unreachable(String),
    Broken(String),
    Late,
    TooLarge,
}

impl Upstream {
    /// A sender with its own pool of connections.
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
        let probe = Probe { action: "DescribeNetworkInterfaces", version: AttributeQuery::VERSION.to_owned() };
        Self { target, keys: Arc::new(keys.into()), health: KeyHealth::default(), probe, client }
    }

    /// The gateway's own keys.
    pub(crate) fn keys(&self) -> &UpstreamKeys {
        &self.keys
    }

    /// Whether the upstream accepts the keys.
    pub(crate) fn health(&self) -> &KeyHealth {
        &self.health
    }

    /// A sender to another product, whose API has that version. It shares the keys and the connection pool.
    pub(crate) fn beside(&self, url: String, version: String) -> Self {
        let target = UpstreamTarget { url, timeout: self.target.timeout };
        let (health, probe) = (KeyHealth::default(), Probe { action: "DescribeRegions", version });
        Self { target, keys: Arc::clone(&self.keys), health, probe, client: self.client.clone() }
    }

    /// Checks that calls of an account can be signed at that time.
    pub(crate) fn check_key(&self, account: &AccountId, now: Timestamp) -> Result<(), KeyError> {
        self.keys.of(account, now).map(drop)
    }

    /// The host of a region's endpoint, as audit lines name it.
    pub fn endpoint(&self, region: &Region) -> String {
        let url = self.url(region);
        url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).to_owned()
    }

    /// Sends a permitted and recorded call, once.
    ///
    /// # Errors
    /// There is no answer that may be passed on.
    pub(crate) async fn send(
        &self,
        recorded: &Recorded<Permit<Outgoing>>,
        format: Format,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<UpstreamAnswer, UpstreamError> {
        let outgoing = recorded.inner().subject();
        let region = outgoing.as_ref().region();
        let (request, key) = match outgoing {
            Outgoing::Rebuilt(call) => {
                let key = self.keys.of(call.account(), now).map_err(UpstreamError::Key)?;
                let rebuilt = Rebuilt {
                    credential: &key,
                    region,
                    action: call.operation().name(),
                    version: call.operation().version(),
                    parameters: call.parameters(),
                };
                (self.request(&rebuilt, format, now), Some(key))
            }
            // The caller signed with its own key, so answers about that key are meant for the caller.
            Outgoing::Original(original) => (original.request(&self.url(region), &self.endpoint(region)), None),
        };
        let deadline = deadline.min(Instant::now() + self.target.timeout);
        let answered = self.transfer(request, LARGEST_ANSWER, deadline).await;
        let (parts, body) = answered.map_err(|error| match error {
            TransferError::Unreachable(why) => UpstreamError::Unreachable(why),
            TransferError::Broken(why) => UpstreamError::OutcomeUnknown(why),
            TransferError::Late => UpstreamError::OutcomeUnknown("it took too long".to_owned()),
            TransferError::TooLarge => UpstreamError::Answer(format!("more than {LARGEST_ANSWER} bytes")),
        })?;
        if parts.status.is_redirection() || parts.status.is_informational() {
            return Err(UpstreamError::Answer(format!("status {}", parts.status.as_u16())));
        }
        let answer = UpstreamAnswer::new(self.endpoint(region), parts, body);
        if let Some(key) = key {
            let call = outgoing.as_ref();
            if let Some(fault) =
                self.note_key_state(call.account(), &key, call.operation().action().as_str(), region, &answer)
            {
                return Err(UpstreamError::OwnKey(Box::new(answer.refusal(fault))));
            }
            if answer.is_unreadable() {
                let request_id = answer.request_id().map(str::to_owned);
                return Err(UpstreamError::Unreadable { status: answer.status(), request_id });
            }
            return answer
                .for_callers(key.id(), call.account())
                .map_err(|refusal| UpstreamError::OwnKey(Box::new(refusal)));
        }
        Ok(answer)
    }

    /// Makes one read to find out whether an account's key is accepted again, and records the result.
    pub(crate) async fn probe(&self, account: &AccountId, region: &Region, now: Timestamp) -> Probed {
        let Ok(key) = self.keys.of(account, now) else { return Probed::Undecided };
        let mut parameters = ParametersBuilder::default();
        parameters.push("RegionId", region.as_str(), Place::Query);
        let parameters = parameters.finish().expect("no name is given twice");
        let Probe { action, version } = &self.probe;
        let rebuilt = Rebuilt { credential: &key, region, action, version, parameters: &parameters };
        let request = self.request(&rebuilt, Format::Json, now);
        let answered = self.transfer(request, LARGEST_ANSWER, Instant::now() + self.target.timeout).await;
        let Ok((parts, body)) = answered else { return Probed::Undecided };
        let answer = UpstreamAnswer::new(self.endpoint(region), parts, body);
        let brief = answer.brief();
        match brief.own_key_fault(answer.status()) {
            // A missing permission for the probe also proves that the key is accepted, and need not be logged.
            Some(fault) if fault.class != OwnKeyClass::Authentication => {
                self.health.accepted(account, || key.id().masked());
                Probed::Accepted
            }
            _ if self.note_key_state(account, &key, action, region, &answer).is_some() => Probed::Undecided,
            _ if brief.proves_acceptance(answer.status()) => Probed::Accepted,
            _ if brief.is_about_the_operation(answer.status()) => Probed::NoSuchOperation,
            _ => Probed::Undecided,
        }
    }

    /// Records what an answer says about the key that signed the call. Returns the code if the answer is about the key.
    fn note_key_state(
        &self,
        account: &AccountId,
        key: &Credential,
        action: &str,
        region: &Region,
        answer: &UpstreamAnswer,
    ) -> Option<&'static OwnKeyCode> {
        let (status, brief) = (answer.status(), answer.brief());
        let fault = brief.own_key_fault(status);
        let proved = match fault {
            Some(fault) => fault.class == OwnKeyClass::Permission,
            None => brief.proves_acceptance(status),
        };
        if proved {
            self.health.accepted(account, || key.id().masked());
        }
        if let Some(fault) = fault {
            let key = key.id().masked();
            let request_id = answer.request_id();
            let call = SignedCall { account, key: &key, action, region, status, request_id };
            self.health.refused(call, fault, Instant::now(), clock::now());
        }
        fault
    }

    /// Reads attributes of resources from ECS. This is a request of the gateway's own, not a caller's.
    ///
    /// # Errors
    /// There is no key, no complete answer, or an answer with a status other than 200.
    pub(crate) async fn describe(&self, query: &AttributeQuery, now: Timestamp) -> Result<Bytes, AttributeReadError> {
        let parameters = query.parameters();
        let key = self.keys.of(query.account(), now).map_err(AttributeReadError::Key)?;
        let rebuilt = Rebuilt {
            credential: &key,
            region: query.region(),
            action: query.operation(),
            version: AttributeQuery::VERSION,
            parameters: &parameters,
        };
        let request = self.request(&rebuilt, Format::Json, now);
        let answered = self.transfer(request, LARGEST_DESCRIPTION, Instant::now() + self.target.timeout).await;
        let (parts, body) = answered.map_err(|error| match error {
            TransferError::Unreachable(why) => AttributeReadError::Unreachable(why),
            TransferError::Broken(why) => AttributeReadError::NoAnswer(why),
            TransferError::Late => AttributeReadError::Late,
            TransferError::TooLarge => AttributeReadError::TooLarge(LARGEST_DESCRIPTION),
        })?;
        let status = parts.status;
        let answer = UpstreamAnswer::new(String::new(), parts, body.clone());
        let action = format!("ecs:{}", query.operation());
        self.note_key_state(query.account(), &key, &action, query.region(), &answer);
        if status != StatusCode::OK {
            return Err(AttributeReadError::Status { status: status.as_u16(), code: answer.brief().code.clone() });
        }
        Ok(body)
    }

    /// Sends a request once, and reads the complete answer.
    async fn transfer(
        &self,
        request: Request<Full<Bytes>>,
        largest: usize,
        deadline: Instant,
    ) -> Result<(Parts, Bytes), TransferError> {
        let late = |_| TransferError::Late;
        let response = timeout_at(deadline, self.client.request(request)).await.map_err(late)?;
        let response = response.map_err(|error| {
            let why = error_chain(&error);
            if error.is_connect() { TransferError::Unreachable(why) } else { TransferError::Broken(why) }
        })?;
        let (parts, body) = response.into_parts();
        let body = timeout_at(deadline, Limited::new(body, largest).collect()).await.map_err(late)?;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => TransferError::TooLarge,
            false => TransferError::Broken(error.to_string()),
        })?;
        Ok((parts, body.to_bytes()))
    }

    fn url(&self, region: &Region) -> String {
        self.target.url.replace("{region}", region.as_str())
    }

    /// A signed request. The format of the answer is always sent as a parameter, regardless of the caller's scheme.
    fn request(&self, rebuilt: &Rebuilt<'_>, format: Format, now: Timestamp) -> Request<Full<Bytes>> {
        let wanted_format = Parameter { name: "Format", value: format.as_str(), place: Place::Query };
        let query = canonical_query(rebuilt.parameters.iter().chain([wanted_format]));
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
        // A compressed error could not be parsed, so an error about the gateway's key would not be recognized.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ramgate/", env!("CARGO_PKG_VERSION"))));
        request
    }
}

/// Whether the query of a call fits into a URL. Encoding makes at most three bytes of one, so for an ordinary call the
/// query need not be built to decide this.
pub(crate) fn fits(parameters: &Parameters) -> bool {
    let most: usize = parameters.iter().map(|given| (given.name.len() + given.value.len()) * 3 + 2).sum();
    most <= LONGEST_QUERY || canonical_query(parameters.iter()).as_str().len() <= LONGEST_QUERY
}

/// The same for a query that is forwarded unchanged.
pub(crate) fn fits_as_it_is(query: &[u8]) -> bool {
    query.len() <= LONGEST_QUERY
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("target", &self.target).finish_non_exhaustive()
    }
}
