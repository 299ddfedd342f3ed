//! One call from its head to a permit, in the order in which the vendor documents errors.

use std::sync::Arc;

use http_body_util::Full;
use hyper::Response;
use hyper::body::{Bytes, Incoming};

use crate::audit::Reached;
use crate::budget::BudgetItem;
use crate::catalog::Binding;
use crate::config::Signing;
use crate::envelope::Format;
use crate::gateway::facts::{Payer, ResourceFacts};
use crate::gateway::listen::{Peer, ReadHead, RefusedHead};
use crate::gateway::parts::{InForce, context_of};
use crate::gateway::sts;
use crate::gateway::upstream::{KeyError, Original, Outgoing, fits, fits_as_it_is};
use crate::identity::Signed;
use crate::pdp::{Authorization, Question};
use crate::ram::Parameters;
use crate::wire::{ForwardedError, Head, check_plain_form, excerpt};

use super::exchange::{Exchange, Identified, Judged, Requested};
use super::host::Names;
use super::rejection::Rejection;
use super::target::Target;
use super::{host, inbound, long, target};

/// What was read of a call.
struct Received {
    body: Bytes,
    parameters: Parameters,
    /// The parameters with their region alias replaced, where there is one.
    meant: Option<Parameters>,
}

impl Exchange {
    /// Answers the call, whatever becomes of it.
    pub(crate) async fn answer(&mut self, head: ReadHead, body: Incoming) -> Response<Full<Bytes>> {
        let judged = match head {
            Ok(head) => self.judge(&head, body).await,
            Err(RefusedHead { fault, format }) => {
                self.call.format = format;
                Err(Rejection::Head(fault))
            }
        };
        self.call.finish(judged).await
    }

    /// The answer to a call whose handler panicked: never an allow. It has the form, and its line holds the facts,
    /// that were known by then.
    pub(crate) async fn panicked(&self) -> Response<Full<Bytes>> {
        self.call.finish(Err(Rejection::Panic)).await
    }

    /// The same, when the log is what panics.
    pub(crate) fn unwritten(&self) -> Response<Full<Bytes>> {
        self.call.answered(&Rejection::Panic).0
    }

    /// From the wire to a permit: nothing is done on the way but reading, here and of facts upstream, and remembering
    /// the nonce.
    async fn judge(&mut self, head: &Head, body: Incoming) -> Result<Judged, Rejection> {
        let gateway = Arc::clone(&self.call.gateway);
        let (catalog, signing) = (&gateway.parts.judge.catalog, gateway.parts.upstreams.signing);
        let located = self.locate(head);
        let Received { body, parameters, meant } = self.read(head, body).await?;
        located?;
        let names = match signing {
            Signing::Resign => Names::Configured,
            Signing::PassThrough => {
                check_plain_form(head.query(), &body)?;
                Names::Any
            }
        };
        let host = host::accept(
            head.host(),
            names,
            &gateway.parts.front.hosts,
            &gateway.parts.upstreams.products,
            gateway.issues(),
        )?;
        self.attempt().service = host.product.map(|product| product.title.clone());
        self.neighbour.check_host(head.host(), &gateway.parts.front.proxies.trusted)?;

        let signed = Signed::new(head, &parameters, &body);
        if let Some(issuing) = gateway.parts.in_force.issuing.as_ref().filter(|_| sts::is_called(&signed, &host)) {
            return sts::log_in(self, issuing, &signed).await;
        }
        host.check_service()?;
        let Identified { caller, said: Requested { action, version }, claim, session } = self.identify(&signed).await?;

        let operation = target::operation(
            &gateway.parts.judge.catalog,
            gateway.parts.judge.operations.other,
            Target { action, version, product: host.product },
        )?;
        let principal = caller.principal;
        if principal.is_root() && !gateway.parts.judge.operations.accept_root {
            return Err(Rejection::Root(operation));
        }
        if !gateway.parts.in_force.pdp.directory().knows(&principal) {
            return Err(Rejection::AccountNotServed(operation));
        }
        if signing == Signing::Resign {
            let checked = gateway.upstream_of(&operation).check_key(principal.account(), self.call.attempt.at);
            checked.map_err(|fault| match fault {
                KeyError::NoKey(_) => Rejection::AccountWithoutKey(Arc::clone(&operation)),
                KeyError::AttributeReadError { .. } | KeyError::Expired { .. } => Rejection::OwnKey(fault),
            })?;
        }
        let binding = Binding { account: principal.account(), regions: &gateway.parts.judge.regions };
        let call = catalog
            .bind(&operation, meant.as_ref().unwrap_or(&parameters), binding)
            .map_err(|fault| Rejection::Bind(Arc::clone(&operation), fault))?;
        host.check_region(call.region())?;
        let outgoing = match signing {
            Signing::Resign => {
                if !fits(call.parameters()) {
                    return Err(Rejection::TooLong(operation));
                }
                self.attempt().left_out = call.left_out().to_vec();
                Outgoing::Rebuilt(call)
            }
            Signing::PassThrough => {
                if !fits_as_it_is(head.query()) {
                    return Err(Rejection::TooLong(operation));
                }
                catalog.check_as_received(&call).map_err(|fault| Rejection::Bind(Arc::clone(&operation), fault))?;
                let original = Original::new(call, head, &body, &signed, claim.as_ref(), host.is_configured());
                Outgoing::Original(Box::new(original.map_err(|fault| Rejection::Original(operation, fault))?))
            }
        };
        let mut context = context_of(&self.call.attempt);
        outgoing.as_ref().add_request_tags(&mut context);
        let pdp = &gateway.parts.in_force.pdp;
        let mut question = Question::new(principal, outgoing, context);
        if let Some(session) = session {
            question = question.in_session(session);
        }
        if self.call.attempt.reached == Reached::Unauthenticated {
            self.wait_unauthenticated()?;
        }
        let question = self.with_facts(question).await?;
        let long = pdp.is_long(&question);
        let ruling =
            if long { long::decide(&gateway, question, self.call.deadline).await? } else { pdp.decide(question) };
        match ruling {
            Authorization::Permitted(permit) => {
                if self.call.attempt.reached == Reached::Unauthenticated {
                    gateway.charge(&self.call.attempt.holder(), BudgetItem::ClaimedCalls)?;
                }
                Ok(Judged::Forward(Box::new(permit)))
            }
            Authorization::Denied(denied) => Err(Rejection::Denied(Box::new(denied))),
        }
    }

    /// The question with what is known of its resources, where the answer turns on it. A look-up at ECS is made only if
    /// it can change the answer, and the caller pays for it.
    async fn with_facts(&self, question: Question<Outgoing>) -> Result<Question<Outgoing>, Rejection> {
        let InForce { pdp, facts, .. } = &self.call.gateway.parts.in_force;
        let budgets = &self.call.gateway.parts.callers.budgets;
        let (question, wanted) = match facts {
            ResourceFacts::Inventory(_) => {
                let wanted = pdp.needs(&question).any();
                (question, wanted)
            }
            ResourceFacts::Upstream(_) if pdp.is_long(&question) => {
                long::depends_on_attributes(&self.call.gateway, question, self.call.deadline).await?
            }
            ResourceFacts::Upstream(_) => {
                let wanted = pdp.depends_on_attributes(&question);
                (question, wanted)
            }
        };
        if !wanted {
            return Ok(question);
        }
        let payer = Payer { budgets, holder: self.call.attempt.holder() };
        let found = facts.of(question.subject().as_ref().resources(), &payer, self.call.deadline).await?;
        Ok(question.with_facts(found))
    }

    /// Where the call comes from. A fault is told when the call has been read: by then it is known in which form.
    fn locate(&mut self, head: &Head) -> Result<(), ForwardedError> {
        let origin = self.neighbour.origin(head, &self.call.gateway.parts.front.proxies.trusted)?;
        let attempt = self.attempt();
        attempt.source = origin.source;
        attempt.transport = Peer::transport(origin.secure);
        Ok(())
    }

    /// The one reading. Until the parameters are known, the form of the answer is a guess.
    async fn read(&mut self, head: &Head, body: Incoming) -> Result<Received, Rejection> {
        let gateway = Arc::clone(&self.call.gateway);
        let limits = &gateway.parts.front.limits;
        let attempt = self.attempt();
        attempt.host = Some(excerpt(head.host()));
        attempt.user_agent = head.header("user-agent").map(str::to_owned);
        let accept = head.header("accept").unwrap_or_default();
        let guess = |body: &[u8]| {
            let scheme = head.header("authorization").unwrap_or_default();
            Format::guess(&[head.query(), b" ", body, b" ", accept.as_bytes(), b" ", scheme.as_bytes()].concat())
        };
        let body = inbound::read_body(head, body, limits.body_bytes, limits.body_timeout);
        let body = body.await.inspect_err(|_| self.call.format = guess(b""))?;
        let parameters = inbound::parameters(head, &body, gateway.form_limits());
        let parameters = parameters.inspect_err(|_| self.call.format = guess(&body))?;
        let meant = target::meant(&parameters, &gateway.parts.judge.region_aliases);
        self.note(meant.as_ref().unwrap_or(&parameters));
        let format = inbound::format(head, &parameters);
        self.call.format = format.as_ref().map_or_else(|_| inbound::unasked(head), |format| *format);
        format.map_err(|_| Rejection::Format)?;
        Ok(Received { body, parameters, meant })
    }

    /// What is written of the parameters: the business ones, and nothing that belongs to a signature.
    fn note(&mut self, parameters: &Parameters) {
        let gateway = Arc::clone(&self.call.gateway);
        let attempt = self.attempt();
        attempt.operation = parameters.value("Action").map(str::to_owned);
        attempt.region = parameters.value("RegionId").map(str::to_owned);
        let business =
            parameters.iter().filter(|parameter| !gateway.parts.judge.catalog.is_confidential(parameter.name));
        attempt.parameters =
            business.map(|parameter| (parameter.name.to_owned(), parameter.value.to_owned())).collect();
    }
}
