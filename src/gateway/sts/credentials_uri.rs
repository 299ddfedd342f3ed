//! The listener that `ALIBABA_CLOUD_CREDENTIALS_URI` names: a client with the right network address gets a key by a GET
//! (`docs/spec/wire-protocol.md` 4.1).
//!
//! It is a separate listener, so that no path is special on the listener for calls. An SDK sends no credential with
//! this request, so clients are identified by their addresses alone, and the role must trust the service
//! `ecs.aliyuncs.com`, as the role of an instance does.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response};
use ipnet::IpNet;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Attempt, Granted};
use crate::budget::{BudgetItem, Holder, Source};
use crate::catalog::ASSUME_ROLE;
use crate::envelope::{Format, unique_id};
use crate::identity::{Channel, Issued, Issuer, format_timestamp};
use crate::pdp::Assumption;
use crate::ram::{Origin, Session, SessionName};
use crate::wire::excerpt;
use ram_policy::{Principal, Trustee};

use super::direct_request::{self, IndirectRequest};
use super::error::StsError;
use super::wanted::Wanted;
use crate::gateway::call::{Call, Rejection};
use crate::gateway::clock;
use crate::gateway::listen::{LONGEST, Peer, Slot, accept_each, answer_one, shake_hands};
use crate::gateway::parts::{Gateway, context_of};

/// The service that a role must trust to be available by address.
const SERVICE: &str = "ecs.aliyuncs.com";

/// One path, the role whose keys it returns, and the clients that may get them.
#[derive(Clone, Debug)]
pub struct CredentialsUri {
    pub path: String,
    pub role: Principal,
    /// The addresses of these clients.
    pub from: Vec<IpNet>,
    /// `None`: the session is named after the client's address.
    pub session: Option<SessionName>,
    /// The duration of a session. `None`: an hour, or the role's maximum if that is shorter.
    pub seconds: Option<u64>,
}

/// The settings of the listener.
#[derive(Clone, Debug, Default)]
pub struct CredentialsListener {
    /// Names that requests may have in `Host`, in lower case, with or without a port. The address that a request was
    /// sent to and the names of loopback are always accepted.
    pub hosts: Vec<String>,
    pub uris: Vec<CredentialsUri>,
}

/// Serves credentials until `shutdown`, and then waits for the connections that are open.
pub async fn serve_credentials(
    listener: TcpListener,
    served: CredentialsListener,
    gateway: Arc<Gateway>,
    shutdown: CancellationToken,
) {
    let (served, tasks) = (Arc::new(served), TaskTracker::new());
    let connections = Arc::clone(&gateway.listeners.credentials);
    accept_each(&listener, &connections, &tasks, &shutdown, move |stream, remote, slot| {
        let (served, gateway) = (Arc::clone(&served), Arc::clone(&gateway));
        async move { serve(stream, remote, slot, &served, &gateway).await }
    })
    .await;
    tasks.close();
    let _ = timeout(LONGEST, tasks.wait()).await;
}

async fn serve(
    stream: TcpStream,
    remote: SocketAddr,
    slot: Arc<Slot>,
    served: &CredentialsListener,
    gateway: &Arc<Gateway>,
) {
    let local = match stream.local_addr() {
        Ok(local) => local,
        Err(error) => return tracing::debug!(peer = %remote, %error, "a connection for credentials ended early"),
    };
    let address = remote.ip().to_canonical();
    let (socket, peer) = match shake_hands(stream, remote, address, Arc::clone(&slot), gateway).await {
        Ok(connected) => connected,
        Err(why) => {
            if let Some(reason) = why.reason() {
                slot.turned_away(reason, address);
            }
            return tracing::debug!(peer = %remote, %why, "a connection for credentials ended early");
        }
    };
    let peer = &peer;
    let answered = answer_one(socket, &slot, |request| async move {
        let direct = direct_request::check(&request, local, &served.hosts);
        answer(&request, direct, &served.uris, peer, gateway).await
    });
    if let Err(error) = answered.await {
        tracing::debug!(peer = %remote, %error, "a connection for credentials ended early");
    }
}

async fn answer(
    request: &Request<Incoming>,
    direct: Result<(), IndirectRequest>,
    uris: &[CredentialsUri],
    peer: &Peer,
    gateway: &Arc<Gateway>,
) -> Response<Full<Bytes>> {
    let mut attempt = Attempt::new(unique_id(), clock::now(), peer.address);
    attempt.transport = Peer::transport(peer.encrypted);
    attempt.service = Some("Sts".to_owned());
    attempt.operation = Some(ASSUME_ROLE.to_owned());
    let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok());
    attempt.user_agent = agent.map(str::to_owned);
    let host = request.headers().get("host");
    attempt.host = host.map(|host| excerpt(host.as_bytes()));
    let (get, target) = (*request.method() == Method::GET, request.uri());
    let is_requested = |uri: &&CredentialsUri| get && target.query().is_none() && target.path() == uri.path;
    let granted = match (direct, uris.iter().find(is_requested)) {
        (Err(indirect), _) => {
            gateway.note_indirect(indirect.kind());
            Err(StsError::from(indirect).into())
        }
        (Ok(()), Some(uri)) => uri.grant(&mut attempt, peer, gateway),
        (Ok(()), None) => Err(StsError::NoUri.into()),
    };
    let deadline = Instant::now() + gateway.parts.front.limits.call_timeout;
    let call = Call { gateway: Arc::clone(gateway), attempt: Arc::new(attempt), format: Format::Json, deadline };
    let issued = match granted {
        Ok(granted) => call.issue(granted).await,
        Err(rejection) => Err(rejection),
    };
    match issued {
        Ok((_, issued)) => success(&issued),
        Err(rejection) => call.refuse(rejection).await,
    }
}

impl CredentialsUri {
    fn grant(&self, attempt: &mut Attempt, peer: &Peer, gateway: &Gateway) -> Result<Granted, Rejection> {
        let issuing = gateway.parts.in_force.issuing.as_ref().ok_or(StsError::NoUri)?;
        let name = self.session.clone().unwrap_or_else(|| SessionName::from_lossy(&attempt.source.to_string()));
        let parameters = [("RoleArn", self.role.arn()), ("RoleSessionName", name.as_str())];
        attempt.parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        if self.channel(peer) == Channel::Open {
            return Err(StsError::Open.into());
        }
        if !self.from.iter().any(|range| range.contains(&attempt.source)) {
            return Err(StsError::Address(attempt.source).into());
        }
        attempt.shown = Some(Origin::Address(attempt.source));
        attempt.reached = crate::audit::Reached::Authenticated;
        let context = context_of(attempt);
        let wanted =
            Assumption { role: &self.role, trustee: Trustee::Service(SERVICE), session: None, context: &context };
        let assumed = gateway.parts.in_force.pdp.assume(&wanted).map_err(StsError::Federation)?;
        // Only the caller's address is known, so the budget of its source is charged.
        gateway.charge(&Holder::source(Source::from(attempt.source)), BudgetItem::Keys)?;
        let expires = Wanted::of_length(self.seconds).expires(attempt.at, assumed.longest())?;
        issuing.issuer.can_issue(attempt.at).map_err(StsError::NoKey)?;
        let origin = Origin::Address(attempt.source);
        let session = Session { name, key: Issuer::new_access_key_id(), expires, origin, narrowed_by: None };
        Ok(Granted { assumed, session, policy: None })
    }

    fn channel(&self, peer: &Peer) -> Channel {
        let local = |address: IpAddr| address.is_loopback();
        if peer.encrypted || local(peer.peer) { Channel::Protected } else { Channel::Open }
    }
}

/// The answer in the form that the SDKs parse.
fn success(issued: &Issued) -> Response<Full<Bytes>> {
    let body = json!({
        "Code": "Success",
        "AccessKeyId": issued.access_key_id.as_str(),
        "AccessKeySecret": issued.secret.expose(),
        "SecurityToken": issued.security_token.expose(),
        "Expiration": format_timestamp(issued.expires),
    });
    let mut response = Response::new(Full::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(Format::Json.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
