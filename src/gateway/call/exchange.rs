//! A call in progress: what is known about it so far, and how its caller is identified.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use crate::audit::{Attempt, Reached};
use crate::budget::Source;
use crate::config::Signing;
use crate::envelope::Format;
use crate::gateway::clock;
use crate::gateway::listen::Peer;
use crate::gateway::parts::Gateway;
use crate::gateway::sts::Granting;
use crate::gateway::upstream::Outgoing;
use crate::identity::{Authenticated, CertificateClaim, Channel, Claim, IdentityError, Signed, TokenError};
use crate::pdp::Permit;
use crate::ram::{Caller, Scheme};
use ram_policy::PolicySet;

use super::inbound;
use super::intermediary::foreign_header;
use super::rejection::Rejection;
use super::waiting::{TooManyWaiting, WaitingPlace};

/// The part of a call in progress that recording and answering it need.
pub(crate) struct Call {
    pub(crate) gateway: Arc<Gateway>,
    /// Not shared before the call is finished, so a change does not copy it.
    pub(crate) attempt: Arc<Attempt>,
    pub(crate) format: Format,
    pub(crate) deadline: Instant,
}

/// A call in progress.
pub(crate) struct Exchange {
    pub(crate) call: Call,
    pub(super) peer: Arc<Peer>,
    waiting_place: Option<WaitingPlace>,
}

/// The operation that a call requests, before it is looked up.
#[derive(Clone, Copy)]
pub(crate) struct Requested<'a> {
    pub(crate) action: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
}

/// An identified caller, the operation it requests, and the policy of its session.
pub(crate) struct Identified<'a> {
    pub(crate) caller: Caller,
    pub(crate) requested: Requested<'a>,
    /// `None` if a certificate identified the caller.
    pub(crate) claim: Option<Claim<'a>>,
    pub(crate) session: Option<Arc<PolicySet>>,
}

/// What to do about a call that was not rejected.
pub(crate) enum Judged {
    Forward(Box<Permit<Outgoing>>),
    /// Issue a key.
    Grant(Box<Granting>),
    /// Answer with the caller's own identity.
    Tell(Value),
}

impl Exchange {
    pub(crate) fn new(gateway: Arc<Gateway>, id: String, peer: Arc<Peer>) -> Self {
        let mut attempt = Attempt::new(id, clock::now(), peer.address);
        attempt.peer = peer.peer;
        attempt.transport = Peer::transport(peer.encrypted);
        attempt.signing = (gateway.parts.upstreams.signing == Signing::PassThrough).then_some("passthrough");
        let deadline = Instant::now() + gateway.parts.front.limits.call_timeout;
        let call = Call { gateway, attempt: Arc::new(attempt), format: Format::Xml, deadline };
        Self { call, peer, waiting_place: None }
    }

    /// Whether the caller is identified: authenticated, or known by a claimed key in pass-through.
    pub(crate) fn is_identified(&self) -> bool {
        self.call.attempt.caller.is_some() || self.call.attempt.reached >= Reached::Authenticated
    }

    /// The attempt, to be changed.
    pub(crate) fn attempt(&mut self) -> &mut Attempt {
        Arc::make_mut(&mut self.call.attempt)
    }

    /// Identifies the caller and the requested operation. The connection's certificate counts only for a call without
    /// any credential: an incomplete credential is refused, even on a connection with a certificate.
    ///
    /// # Errors
    /// The caller is not identified, or a limit of the caller is reached.
    pub(crate) async fn identify<'a>(&mut self, signed: &Signed<'a>) -> Result<Identified<'a>, Rejection> {
        let gateway = Arc::clone(&self.call.gateway);
        let claim = match (Claim::read(signed), self.peer.caller(&gateway.parts.front.proxies.trusted)) {
            (Err(IdentityError::NoCredentials), Some(holder)) => {
                if let Some(sign) = foreign_header(signed.headers.iter().copied()) {
                    return Err(Rejection::Intermediary(sign));
                }
                let caller = CertificateClaim::caller(holder.clone());
                let claim = CertificateClaim::read(signed)?;
                let requested = Requested { action: claim.action, version: claim.version };
                self.note_claim(caller.scheme, None, requested);
                self.identified(&caller)?;
                return Ok(Identified { caller, requested, claim: None, session: None });
            }
            (claim, _) => claim?,
        };
        let claimed = claim.fields();
        let requested = Requested { action: claimed.action, version: claimed.version };
        self.note_claim(claim.scheme(), Some(claimed.access_key_id).filter(|id| !id.is_empty()), requested);
        if inbound::has_two_places(&claim, signed.parameters, &gateway.parts.judge.catalog) {
            return Err(Rejection::TwoPlaces);
        }
        let verified = match self.verified(&claim, signed) {
            Err(IdentityError::Token(TokenError::UnknownKey(issuer) | TokenError::NoKeys(issuer))) => {
                // The issuer may have published a new key since its key set was read.
                self.refresh_keys_of(&issuer).await?;
                self.verified(&claim, signed)?
            }
            Err(IdentityError::Throttled { caller, throttled }) => {
                // The caller is authenticated, so the attempt is charged to its principal, not to its source.
                let attempt = self.attempt();
                (attempt.caller, attempt.reached) = (Some(*caller), Reached::Authenticated);
                return Err(throttled.into());
            }
            verified => verified?,
        };
        let Authenticated { caller, session_policy: session, .. } = verified;
        self.identified(&caller)?;
        Ok(Identified { caller, requested, claim: Some(claim), session })
    }

    /// Takes a place among the calls of unauthenticated callers that wait for another service. It is held until this
    /// caller has authenticated or the call is answered.
    ///
    /// # Errors
    /// Too many such calls wait already.
    pub(crate) fn wait_unauthenticated(&mut self) -> Result<(), TooManyWaiting> {
        if self.waiting_place.is_none() {
            let source = Source::from(self.call.attempt.source);
            self.waiting_place = Some(self.call.gateway.waiting_calls.enter(source)?);
        }
        Ok(())
    }

    /// Refreshes the key set of a token issuer, for a caller who cannot be authenticated before that.
    ///
    /// # Errors
    /// Too many calls of unauthenticated callers wait already.
    pub(crate) async fn refresh_keys_of(&mut self, issuer: &str) -> Result<(), TooManyWaiting> {
        self.wait_unauthenticated()?;
        self.call.gateway.refresh_keys_of(issuer).await;
        Ok(())
    }

    /// Notes in the attempt who the caller claims to be, and the requested operation.
    pub(crate) fn note_claim(&mut self, scheme: Scheme, key: Option<&str>, requested: Requested<'_>) {
        let attempt = self.attempt();
        attempt.scheme = Some(scheme);
        attempt.claimed_key = key.map(str::to_owned);
        attempt.operation = requested.action.map(str::to_owned);
        attempt.version = requested.version.map(str::to_owned);
    }

    fn identified(&mut self, caller: &Caller) -> Result<(), Rejection> {
        let entry = self.call.gateway.parts.in_force.pdp.directory().entry(&caller.principal);
        let id = entry.and_then(|entry| entry.id.as_deref()).map(str::to_owned);
        let attempt = self.attempt();
        attempt.caller_id = id;
        attempt.caller = Some(caller.clone());
        if caller.proof.is_verified() {
            attempt.reached = Reached::Authenticated;
            self.waiting_place = None;
            self.peer
                .slot
                .authenticate(&caller.principal)
                .map_err(|_| Rejection::Connections(caller.principal.clone()))?;
        }
        Ok(())
    }

    fn verified(&self, claim: &Claim<'_>, signed: &Signed<'_>) -> Result<Authenticated, IdentityError> {
        self.call.gateway.authenticator(self.channel()).authenticate(claim, signed, self.call.attempt.at)
    }

    /// Whether the channel to the caller is protected. With a trusted proxy in between, both legs must be: the caller's
    /// to the proxy, as the proxy reports it, and the proxy's to the gateway.
    pub(crate) fn channel(&self) -> Channel {
        let to_proxy = self.call.attempt.source.is_loopback() || self.call.attempt.transport == Peer::transport(true);
        let from_proxy = self.peer.peer.is_loopback() || self.peer.encrypted;
        if to_proxy && from_proxy { Channel::Protected } else { Channel::Open }
    }
}
