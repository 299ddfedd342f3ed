//! One call from its head to a permit, in the order in which faults are found (design 7).

use std::sync::Arc;

use http_body_util::Full;
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use serde_json::Value;
use tokio::time::Instant;

use crate::audit::{Attempt, Reached};
use crate::budget::{Item, Source};
use crate::catalog::Binding;
use crate::config::Signing;
use crate::envelope::Format;
use crate::identity::{Authenticated, CertificateClaim, Channel, Claim, IdentityFault, Signed, TokenFault};
use crate::pdp::{Permit, Question, Ruling};
use crate::policy::PolicySet;
use crate::ram::{Caller, Parameters, Scheme};
use crate::wire::{ForwardedFault, Head, check_plain_form, excerpt};

use super::called::Called;
use super::go_between::foreign_sign;
use super::host::Names;
use super::neighbour::Neighbour;
use super::original::Original;
use super::outgoing::Outgoing;
use super::parts::{Gateway, GatewayParts, context_of};
use super::resource_facts::{Payer, ResourceFacts};
use super::settle::Settlement;
use super::stop::Stop;
use super::sts::{self, Granting};
use super::turn::{ReadHead, RefusedHead};
use super::upstream_keys::KeyFault;
use super::waiting_strangers::{Crowded, WaitingStranger};
use super::{called, clock, host, inbound, long, region_alias, upstream};

/// One call on its way, and what is known of it so far.
pub(super) struct Exchange {
    pub(super) gateway: Arc<Gateway>,
    neighbour: Arc<Neighbour>,
    /// Shared only when the call is settled.
    pub(super) attempt: Arc<Attempt>,
    pub(super) format: Format,
    pub(super) deadline: Instant,
    waiting_stranger: Option<WaitingStranger>,
}

/// What a call says it calls.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) action: Option<&'a str>,
    pub(super) version: Option<&'a str>,
}

/// A caller, what it calls, and what its session was narrowed with.
pub(super) struct Known<'a> {
    pub(super) caller: Caller,
    pub(super) said: Said<'a>,
    /// None where a certificate said it.
    pub(super) claim: Option<Claim<'a>>,
    pub(super) session: Option<Arc<PolicySet>>,
}

/// What may be done about a call.
pub(super) enum Judged {
    Forward(Box<Permit<Outgoing>>),
    /// A key may be issued.
    Grant(Box<Granting>),
    /// The caller may be told who it is.
    Tell(Value),
}

impl Exchange {
    pub(super) fn new(gateway: Arc<Gateway>, id: String, neighbour: Arc<Neighbour>) -> Self {
        let mut attempt = Attempt::new(id, clock::now(), neighbour.address);
        attempt.peer = neighbour.peer;
        attempt.transport = Neighbour::transport(neighbour.encrypted);
        attempt.signing = (gateway.parts.signing == Signing::PassThrough).then_some("passthrough");
        let deadline = Instant::now() + gateway.parts.limits.call_timeout;
        Self { gateway, neighbour, attempt: Arc::new(attempt), format: Format::Xml, deadline, waiting_stranger: None }
    }

    /// Answers the call, whatever becomes of it.
    pub(super) async fn answer(&mut self, head: ReadHead, body: Incoming) -> Response<Full<Bytes>> {
        let judged = match head {
            Ok(head) => self.judge(&head, body).await,
            Err(RefusedHead { fault, format }) => {
                self.format = format;
                Err(Stop::Head(fault))
            }
        };
        self.settle(judged).await
    }

    /// The answer to a call whose handler panicked: never an allow. It has the form, and its line holds the facts,
    /// that were known by then.
    pub(super) async fn panicked(&self) -> Response<Full<Bytes>> {
        self.settle(Err(Stop::Panic)).await
    }

    /// The same, when the log is what panics.
    pub(super) fn unwritten(&self) -> Response<Full<Bytes>> {
        self.settlement().answered(&Stop::Panic).0
    }

    async fn settle(&self, judged: Result<Judged, Stop>) -> Response<Full<Bytes>> {
        self.settlement().settle(judged).await
    }

    fn settlement(&self) -> Settlement {
        let (gateway, attempt) = (Arc::clone(&self.gateway), Arc::clone(&self.attempt));
        Settlement { gateway, attempt, format: self.format, deadline: self.deadline }
    }

    /// Whether the call said who its caller is, and that was believed or, where keys are claims, known.
    pub(super) fn is_identified(&self) -> bool {
        self.attempt.caller.is_some() || self.attempt.reached >= Reached::Authenticated
    }

    pub(super) fn attempt(&mut self) -> &mut Attempt {
        Arc::make_mut(&mut self.attempt)
    }

    /// From the wire to a permit: nothing is done on the way but reading, here and of facts upstream, and remembering
    /// the nonce.
    async fn judge(&mut self, head: &Head, body: Incoming) -> Result<Judged, Stop> {
        let gateway = Arc::clone(&self.gateway);
        let (catalog, signing) = (&gateway.parts.catalog, gateway.parts.signing);
        let located = self.locate(head);
        let (body, parameters) = self.read(head, body).await?;
        located?;
        let names = match signing {
            Signing::Resign => Names::Configured,
            Signing::PassThrough => {
                check_plain_form(head.query(), &body)?;
                Names::Any
            }
        };
        let host = host::accept(head.host(), names, &gateway.parts.hosts, &gateway.parts.products, gateway.issues())?;
        self.attempt().service = host.product.map(|product| product.title.clone());
        self.neighbour.check_host(head.host(), &gateway.parts.proxies.trusted)?;

        let signed = Signed::new(head, &parameters, &body);
        if let Some(issuing) = gateway.parts.issuing.as_ref().filter(|_| sts::is_called(&signed, &host)) {
            return self.log_in(issuing, &signed).await;
        }
        host.check_service()?;
        let Known { caller, said: Said { action, version }, claim, session } = self.identify(&signed).await?;

        let operation = called::operation(&gateway.parts, Called { action, version, product: host.product })?;
        let principal = caller.principal;
        if principal.is_root() && !gateway.parts.operations.accept_root {
            return Err(Stop::Root(operation));
        }
        if !gateway.parts.pdp.directory().knows(&principal) {
            return Err(Stop::AccountNotServed(operation));
        }
        if signing == Signing::Resign {
            let checked = gateway.upstream_of(&operation).check_key(principal.account(), self.attempt.at);
            checked.map_err(|fault| match fault {
                KeyFault::NoKey(_) => Stop::AccountWithoutKey(Arc::clone(&operation)),
                KeyFault::Unread { .. } | KeyFault::Expired { .. } => Stop::OwnKey(fault),
            })?;
        }
        let binding = Binding { account: principal.account(), regions: &gateway.parts.regions };
        let call = catalog
            .bind(&operation, &region_alias::meant(&parameters, &gateway.parts.region_aliases), binding)
            .map_err(|fault| Stop::Bind(Arc::clone(&operation), fault))?;
        host.check_region(call.region())?;
        let outgoing = match signing {
            Signing::Resign => {
                if !upstream::fits(call.parameters()) {
                    return Err(Stop::TooLong(operation));
                }
                self.attempt().left_out = call.left_out().to_vec();
                Outgoing::Rebuilt(call)
            }
            Signing::PassThrough => {
                if !upstream::fits_as_it_is(head.query()) {
                    return Err(Stop::TooLong(operation));
                }
                catalog.check_as_received(&call).map_err(|fault| Stop::Bind(Arc::clone(&operation), fault))?;
                let original = Original::new(call, head, &body, &signed, claim.as_ref(), &host);
                Outgoing::Original(Box::new(original.map_err(|fault| Stop::Original(operation, fault))?))
            }
        };
        let mut context = context_of(&self.attempt);
        outgoing.as_ref().add_request_tags(&mut context);
        let pdp = &gateway.parts.pdp;
        let mut question = Question::new(principal, outgoing, context);
        if let Some(session) = session {
            question = question.in_session(session);
        }
        if self.attempt.reached == Reached::Unauthenticated {
            self.wait_as_stranger()?;
        }
        let question = self.with_facts(question).await?;
        let long = pdp.is_long(&question);
        let ruling = if long { long::decide(&gateway, question, self.deadline).await? } else { pdp.decide(question) };
        match ruling {
            Ruling::Permitted(permit) => {
                if self.attempt.reached == Reached::Unauthenticated {
                    gateway.charge(&self.attempt.holder(), Item::ClaimedCalls)?;
                }
                Ok(Judged::Forward(Box::new(permit)))
            }
            Ruling::Denied(denied) => Err(Stop::Denied(Box::new(denied))),
        }
    }

    /// The question with what is known of its resources, where the answer turns on it. A look-up at ECS is made only if
    /// it can change the answer, and the caller pays for it.
    async fn with_facts(&self, question: Question<Outgoing>) -> Result<Question<Outgoing>, Stop> {
        let GatewayParts { pdp, facts, budgets, .. } = &self.gateway.parts;
        let (question, wanted) = match facts {
            ResourceFacts::Inventory(_) => {
                let wanted = pdp.needs(&question).any();
                (question, wanted)
            }
            ResourceFacts::Upstream(_) if pdp.is_long(&question) => {
                long::turns_on_facts(&self.gateway, question, self.deadline).await?
            }
            ResourceFacts::Upstream(_) => {
                let wanted = pdp.turns_on_facts(&question);
                (question, wanted)
            }
        };
        if !wanted {
            return Ok(question);
        }
        let payer = Payer { budgets, holder: self.attempt.holder() };
        let found = facts.of(question.subject().as_ref().resources(), &payer, self.deadline).await?;
        Ok(question.with_facts(found))
    }

    /// Where the call comes from. A fault is told when the call has been read: by then it is known in which form.
    fn locate(&mut self, head: &Head) -> Result<(), ForwardedFault> {
        let origin = self.neighbour.origin(head, &self.gateway.parts.proxies.trusted)?;
        let attempt = self.attempt();
        attempt.source = origin.source;
        attempt.transport = Neighbour::transport(origin.secure);
        Ok(())
    }

    /// The one reading. Until the parameters are known, the form of the answer is a guess.
    async fn read(&mut self, head: &Head, body: Incoming) -> Result<(Bytes, Parameters), Stop> {
        let gateway = Arc::clone(&self.gateway);
        let limits = &gateway.parts.limits;
        let attempt = self.attempt();
        attempt.host = Some(excerpt(head.host()));
        attempt.user_agent = head.header("user-agent").map(str::to_owned);
        let accept = head.header("accept").unwrap_or_default();
        let guess = |body: &[u8]| {
            let scheme = head.header("authorization").unwrap_or_default();
            Format::guess(&[head.query(), b" ", body, b" ", accept.as_bytes(), b" ", scheme.as_bytes()].concat())
        };
        let body = inbound::read_body(head, body, limits.body_bytes, limits.body_timeout);
        let body = body.await.inspect_err(|_| self.format = guess(b""))?;
        let parameters = inbound::parameters(head, &body, gateway.form_limits());
        let parameters = parameters.inspect_err(|_| self.format = guess(&body))?;
        self.note(&region_alias::meant(&parameters, &gateway.parts.region_aliases));
        self.format = inbound::format(head, &parameters).inspect_err(|_| self.format = inbound::unasked(head))?;
        Ok((body, parameters))
    }

    /// Who calls, and what. A credential decides wherever there is one, or a part of one; the connection's certificate
    /// only where there is none.
    pub(super) async fn identify<'a>(&mut self, signed: &Signed<'a>) -> Result<Known<'a>, Stop> {
        let gateway = Arc::clone(&self.gateway);
        let claim = match (Claim::read(signed), self.neighbour.caller(&gateway.parts.proxies.trusted)) {
            (Err(IdentityFault::NoCredentials), Some(holder)) => {
                if let Some(sign) = foreign_sign(signed.headers.iter().copied()) {
                    return Err(Stop::GoBetween(sign));
                }
                let caller = CertificateClaim::caller(holder.clone());
                let claim = CertificateClaim::read(signed)?;
                let said = Said { action: claim.action, version: claim.version };
                self.note_claim(caller.scheme, None, said);
                self.identified(&caller)?;
                return Ok(Known { caller, said, claim: None, session: None });
            }
            (claim, _) => claim?,
        };
        let claimed = claim.claimed();
        let said = Said { action: claimed.action, version: claimed.version };
        self.note_claim(claim.scheme(), Some(claimed.access_key_id).filter(|id| !id.is_empty()), said);
        inbound::check_places(&claim, signed.parameters, &gateway.parts.catalog)?;
        let verified = match self.verified(&claim, signed) {
            Err(IdentityFault::Token(TokenFault::UnknownKey(issuer) | TokenFault::NoKeys(issuer))) => {
                // The issuer may have a key that is newer than what was read of it.
                self.refresh_keys_of(&issuer).await?;
                self.verified(&claim, signed)?
            }
            Err(IdentityFault::Throttled { caller, throttled }) => {
                // Known, and refused: the attempt is the principal's, not its source's.
                let attempt = self.attempt();
                (attempt.caller, attempt.reached) = (Some(*caller), Reached::Authenticated);
                return Err(throttled.into());
            }
            verified => verified?,
        };
        let Authenticated { caller, session_policy: session, .. } = verified;
        self.identified(&caller)?;
        Ok(Known { caller, said, claim: Some(claim), session })
    }

    /// Takes a place among the calls of unknown callers that wait for an answer from elsewhere, until this one's caller
    /// is known or it is answered.
    pub(super) fn wait_as_stranger(&mut self) -> Result<(), Crowded> {
        if self.waiting_stranger.is_none() {
            let source = Source::from(self.attempt.source);
            self.waiting_stranger = Some(self.gateway.waiting_strangers.enter(source)?);
        }
        Ok(())
    }

    /// Reads the keys of a token's issuer again, for a caller who is unknown until then.
    pub(super) async fn refresh_keys_of(&mut self, issuer: &str) -> Result<(), Crowded> {
        self.wait_as_stranger()?;
        self.gateway.refresh_keys_of(issuer).await;
        Ok(())
    }

    pub(super) fn note_claim(&mut self, scheme: Scheme, key: Option<&str>, said: Said<'_>) {
        let attempt = self.attempt();
        attempt.scheme = Some(scheme);
        attempt.claimed_key = key.map(str::to_owned);
        attempt.operation = said.action.map(str::to_owned);
        attempt.version = said.version.map(str::to_owned);
    }

    fn identified(&mut self, caller: &Caller) -> Result<(), Stop> {
        let standing = self.gateway.parts.pdp.directory().standing(&caller.principal);
        let id = standing.and_then(|standing| standing.id.as_deref()).map(str::to_owned);
        let attempt = self.attempt();
        attempt.caller_id = id;
        attempt.caller = Some(caller.clone());
        if caller.proof.is_verified() {
            attempt.reached = Reached::Authenticated;
            self.waiting_stranger = None;
            self.neighbour
                .slot
                .authenticate(&caller.principal)
                .map_err(|_| Stop::Connections(caller.principal.clone()))?;
        }
        Ok(())
    }

    fn verified(&self, claim: &Claim<'_>, signed: &Signed<'_>) -> Result<Authenticated, IdentityFault> {
        self.gateway.authenticator(self.channel()).authenticate(claim, signed, self.attempt.at)
    }

    /// Both ways where a trusted proxy stands between: the caller's, as the proxy tells it, and the proxy's own.
    pub(super) fn channel(&self) -> Channel {
        let to_proxy = self.attempt.source.is_loopback() || self.attempt.transport == Neighbour::transport(true);
        let from_proxy = self.neighbour.peer.is_loopback() || self.neighbour.encrypted;
        if to_proxy && from_proxy { Channel::Protected } else { Channel::Open }
    }

    /// What is written of the parameters: the business ones, and nothing that belongs to a signature.
    fn note(&mut self, parameters: &Parameters) {
        let gateway = Arc::clone(&self.gateway);
        let attempt = self.attempt();
        attempt.operation = parameters.value("Action").map(str::to_owned);
        attempt.region = parameters.value("RegionId").map(str::to_owned);
        let business = parameters.iter().filter(|parameter| !gateway.parts.catalog.is_confidential(parameter.name));
        attempt.parameters =
            business.map(|parameter| (parameter.name.to_owned(), parameter.value.to_owned())).collect();
    }
}
