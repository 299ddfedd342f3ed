//! A call that is being answered: what is known of it so far, and who its caller is.

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

/// What finishing a call needs: recording it, and answering it.
pub(crate) struct Call {
    pub(crate) gateway: Arc<Gateway>,
    /// Not shared before the call is finished, so noting something does not copy it.
    pub(crate) attempt: Arc<Attempt>,
    pub(crate) format: Format,
    pub(crate) deadline: Instant,
}

/// One call on its way, and what is known of it so far.
pub(crate) struct Exchange {
    pub(crate) call: Call,
    pub(super) neighbour: Arc<Peer>,
    waiting_place: Option<WaitingPlace>,
}

/// What a call says it calls.
#[derive(Clone, Copy)]
pub(crate) struct Requested<'a> {
    pub(crate) action: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
}

/// A caller, what it calls, and what its session was narrowed with.
pub(crate) struct Identified<'a> {
    pub(crate) caller: Caller,
    pub(crate) said: Requested<'a>,
    /// None where a certificate said it.
    pub(crate) claim: Option<Claim<'a>>,
    pub(crate) session: Option<Arc<PolicySet>>,
}

/// What may be done about a call.
pub(crate) enum Judged {
    Forward(Box<Permit<Outgoing>>),
    /// A key may be issued.
    Grant(Box<Granting>),
    /// The caller may be told who it is.
    Tell(Value),
}

impl Exchange {
    pub(crate) fn new(gateway: Arc<Gateway>, id: String, neighbour: Arc<Peer>) -> Self {
        let mut attempt = Attempt::new(id, clock::now(), neighbour.address);
        attempt.peer = neighbour.peer;
        attempt.transport = Peer::transport(neighbour.encrypted);
        attempt.signing = (gateway.parts.upstreams.signing == Signing::PassThrough).then_some("passthrough");
        let deadline = Instant::now() + gateway.parts.front.limits.call_timeout;
        let call = Call { gateway, attempt: Arc::new(attempt), format: Format::Xml, deadline };
        Self { call, neighbour, waiting_place: None }
    }

    /// Whether the call said who its caller is, and that was believed or, where keys are claims, known.
    pub(crate) fn is_identified(&self) -> bool {
        self.call.attempt.caller.is_some() || self.call.attempt.reached >= Reached::Authenticated
    }

    pub(crate) fn attempt(&mut self) -> &mut Attempt {
        Arc::make_mut(&mut self.call.attempt)
    }

    /// Who calls, and what. A credential decides wherever there is one, or a part of one; the connection's certificate
    /// only where there is none.
    pub(crate) async fn identify<'a>(&mut self, signed: &Signed<'a>) -> Result<Identified<'a>, Rejection> {
        let gateway = Arc::clone(&self.call.gateway);
        let claim = match (Claim::read(signed), self.neighbour.caller(&gateway.parts.front.proxies.trusted)) {
            (Err(IdentityError::NoCredentials), Some(holder)) => {
                if let Some(sign) = foreign_header(signed.headers.iter().copied()) {
                    return Err(Rejection::Intermediary(sign));
                }
                let caller = CertificateClaim::caller(holder.clone());
                let claim = CertificateClaim::read(signed)?;
                let said = Requested { action: claim.action, version: claim.version };
                self.note_claim(caller.scheme, None, said);
                self.identified(&caller)?;
                return Ok(Identified { caller, said, claim: None, session: None });
            }
            (claim, _) => claim?,
        };
        let claimed = claim.fields();
        let said = Requested { action: claimed.action, version: claimed.version };
        self.note_claim(claim.scheme(), Some(claimed.access_key_id).filter(|id| !id.is_empty()), said);
        if inbound::has_two_places(&claim, signed.parameters, &gateway.parts.judge.catalog) {
            return Err(Rejection::TwoPlaces);
        }
        let verified = match self.verified(&claim, signed) {
            Err(IdentityError::Token(TokenError::UnknownKey(issuer) | TokenError::NoKeys(issuer))) => {
                // The issuer may have a key that is newer than what was read of it.
                self.refresh_keys_of(&issuer).await?;
                self.verified(&claim, signed)?
            }
            Err(IdentityError::Throttled { caller, throttled }) => {
                // Identified, and refused: the attempt is the principal's, not its source's.
                let attempt = self.attempt();
                (attempt.caller, attempt.reached) = (Some(*caller), Reached::Authenticated);
                return Err(throttled.into());
            }
            verified => verified?,
        };
        let Authenticated { caller, session_policy: session, .. } = verified;
        self.identified(&caller)?;
        Ok(Identified { caller, said, claim: Some(claim), session })
    }

    /// Takes a place among the calls of unknown callers that wait for an answer from elsewhere, until this one's caller
    /// is known or it is answered.
    pub(crate) fn wait_unauthenticated(&mut self) -> Result<(), TooManyWaiting> {
        if self.waiting_place.is_none() {
            let source = Source::from(self.call.attempt.source);
            self.waiting_place = Some(self.call.gateway.waiting_calls.enter(source)?);
        }
        Ok(())
    }

    /// Reads the keys of a token's issuer again, for a caller who is unknown until then.
    pub(crate) async fn refresh_keys_of(&mut self, issuer: &str) -> Result<(), TooManyWaiting> {
        self.wait_unauthenticated()?;
        self.call.gateway.refresh_keys_of(issuer).await;
        Ok(())
    }

    pub(crate) fn note_claim(&mut self, scheme: Scheme, key: Option<&str>, said: Requested<'_>) {
        let attempt = self.attempt();
        attempt.scheme = Some(scheme);
        attempt.claimed_key = key.map(str::to_owned);
        attempt.operation = said.action.map(str::to_owned);
        attempt.version = said.version.map(str::to_owned);
    }

    fn identified(&mut self, caller: &Caller) -> Result<(), Rejection> {
        let standing = self.call.gateway.parts.in_force.pdp.directory().entry(&caller.principal);
        let id = standing.and_then(|standing| standing.id.as_deref()).map(str::to_owned);
        let attempt = self.attempt();
        attempt.caller_id = id;
        attempt.caller = Some(caller.clone());
        if caller.proof.is_verified() {
            attempt.reached = Reached::Authenticated;
            self.waiting_place = None;
            self.neighbour
                .slot
                .authenticate(&caller.principal)
                .map_err(|_| Rejection::Connections(caller.principal.clone()))?;
        }
        Ok(())
    }

    fn verified(&self, claim: &Claim<'_>, signed: &Signed<'_>) -> Result<Authenticated, IdentityError> {
        self.call.gateway.authenticator(self.channel()).authenticate(claim, signed, self.call.attempt.at)
    }

    /// Both ways where a trusted proxy stands between: the caller's, as the proxy tells it, and the proxy's own.
    pub(crate) fn channel(&self) -> Channel {
        let to_proxy = self.call.attempt.source.is_loopback() || self.call.attempt.transport == Peer::transport(true);
        let from_proxy = self.neighbour.peer.is_loopback() || self.neighbour.encrypted;
        if to_proxy && from_proxy { Channel::Protected } else { Channel::Open }
    }
}
