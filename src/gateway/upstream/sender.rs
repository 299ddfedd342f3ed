//! The only sender. Of a caller's it takes a permit that was written down, and nothing else; of the gateway's own, a
//! query that can only list.
//!
//! A call is rebuilt from its parsed values and signed with the gateway's own key (V3), and no byte of the caller's goes
//! on; or it was permitted as its caller signed it, and goes on as it came. An attach has no idempotence token, so
//! nothing is ever sent twice (`docs/spec/wire-protocol.md` 5.4).

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
use super::key_error::KeyError;
use super::key_health::{KeyHealth, SignedCall};
use super::keys::UpstreamKeys;
use super::outgoing::Outgoing;
use crate::gateway::client::error_chain;
use crate::gateway::clock;
use crate::gateway::facts::AttributeReadError;
use crate::gateway::facts::FactQuery;

/// More than any answer of ECS has, pages of instances included.
const LARGEST_ANSWER: usize = 8 << 20;
/// More than a page of the largest instances has.
const LARGEST_DESCRIPTION: usize = 2 << 20;
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
    health: KeyHealth,
    probe: Probe,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why there is no answer to pass on.
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
    /// An error that no client of this API could read either, and that may be about the gateway's key.
    #[error(
        "the upstream answered with status {status} without a code that can be read, which is not passed on{}",
        if *.status < 500 { "" } else { ": the outcome is unknown, look before you repeat it" }
    )]
    Unreadable { status: u16, request_id: Option<String> },
    /// Boxed: it keeps what the upstream said.
    #[error("{0}")]
    OwnKey(Box<OwnKeyRefusal>),
}

/// The read by which the gateway learns, without traffic, that its key is accepted again. The answer itself does not
/// matter: that it may not be read, or does not exist, is said to a caller who is known.
#[derive(Clone, Debug)]
struct Probe {
    action: &'static str,
    version: String,
}

/// What the answer to a probe says of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probed {
    Accepted,
    /// The upstream does not take this operation, so it will never say more than that.
    NoSuchOperation,
    /// The key is refused, or the answer is inconclusive.
    Undecided,
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
enum TransferError {
    /// Nothing was sent.
    Unreachable(String),
    Broken(String),
    Late,
    TooLarge,
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
        let probe = Probe { action: "DescribeNetworkInterfaces", version: FactQuery::VERSION.to_owned() };
        Self { target, keys: Arc::new(keys.into()), health: KeyHealth::default(), probe, client }
    }

    /// The gateway's own keys.
    pub(crate) fn keys(&self) -> &UpstreamKeys {
        &self.keys
    }

    /// Whether the upstream accepts them.
    pub(crate) fn health(&self) -> &KeyHealth {
        &self.health
    }

    /// A sender to another product of that version, with the same keys and connections.
    pub(crate) fn beside(&self, url: String, version: String) -> Self {
        let target = UpstreamTarget { url, timeout: self.target.timeout };
        let (health, probe) = (KeyHealth::default(), Probe { action: "DescribeRegions", version });
        Self { target, keys: Arc::clone(&self.keys), health, probe, client: self.client.clone() }
    }

    /// Whether calls of an account can be signed at that time.
    pub(crate) fn check_key(&self, account: &AccountId, now: Timestamp) -> Result<(), KeyError> {
        self.keys.of(account, now).map(drop)
    }

    /// The host of a region's endpoint, as audit lines name it.
    pub fn endpoint(&self, region: &Region) -> String {
        let url = self.url(region);
        url.split_once("://").map_or(url.as_str(), |(_, rest)| rest).to_owned()
    }

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
            // The caller signed with its own key, so faults of that key are the caller's.
            Outgoing::Original(original) => (original.request(&self.url(region), &self.endpoint(region)), None),
        };
        let deadline = deadline.min(Instant::now() + self.target.timeout);
        let answered = self.transfer(request, LARGEST_ANSWER, deadline).await;
        let (parts, body) = answered.map_err(|fault| match fault {
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
                self.fault_of_key(call.account(), &key, call.operation().action().as_str(), region, &answer)
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

    /// Asks once whether an account's key is accepted again, and notes the answer.
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
            // The probe's own permission is of no interest.
            Some(fault) if fault.class != OwnKeyClass::Authentication => {
                self.health.accepted(account, || key.id().masked());
                Probed::Accepted
            }
            _ if self.fault_of_key(account, &key, action, region, &answer).is_some() => Probed::Undecided,
            _ if brief.proves_acceptance(answer.status()) => Probed::Accepted,
            _ if brief.is_about_the_operation(answer.status()) => Probed::NoSuchOperation,
            _ => Probed::Undecided,
        }
    }

    /// What an answer says of the key that the call was signed with, noted.
    fn fault_of_key(
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

    /// Asks ECS what it knows of some resources: a call of the gateway's own, which no caller has a part in.
    pub(crate) async fn describe(&self, query: &FactQuery, now: Timestamp) -> Result<Bytes, AttributeReadError> {
        let parameters = query.parameters();
        let key = self.keys.of(query.account(), now).map_err(AttributeReadError::Key)?;
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
            TransferError::Unreachable(why) => AttributeReadError::Unreachable(why),
            TransferError::Broken(why) => AttributeReadError::NoAnswer(why),
            TransferError::Late => AttributeReadError::Late,
            TransferError::TooLarge => AttributeReadError::TooLarge(LARGEST_DESCRIPTION),
        })?;
        let status = parts.status;
        let answer = UpstreamAnswer::new(String::new(), parts, body.clone());
        let action = format!("ecs:{}", query.operation());
        self.fault_of_key(query.account(), &key, &action, query.region(), &answer);
        if status != StatusCode::OK {
            return Err(AttributeReadError::Status { status: status.as_u16(), code: answer.brief().code.clone() });
        }
        Ok(body)
    }

    /// Sends a request once, and takes the whole answer.
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

    /// The format of the answer goes along as a parameter, whatever the caller's scheme.
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
        // An error in another encoding could not be told from one about the gateway's key.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ramgate/", env!("CARGO_PKG_VERSION"))));
        request
    }
}

/// Whether the query of a call fits into a URL. A byte becomes three at most, so the query of an ordinary call need not
/// be made to tell.
pub(crate) fn fits(parameters: &Parameters) -> bool {
    let most: usize = parameters.iter().map(|given| (given.name.len() + given.value.len()) * 3 + 2).sum();
    most <= LONGEST_QUERY || canonical_query(parameters.iter()).as_str().len() <= LONGEST_QUERY
}

/// The same for a query that is sent on as it came.
pub(crate) fn fits_as_it_is(query: &[u8]) -> bool {
    query.len() <= LONGEST_QUERY
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("target", &self.target).finish_non_exhaustive()
    }
}
