//! Takes a call from its head to a permit, checking in the order in which the vendor documents errors.

use std::sync::Arc;

use http_body_util::Full;
use hyper::Response;
use hyper::body::{Bytes, Incoming};

use crate::audit::Reached;
use crate::budget::BudgetItem;
use crate::catalog::Binding;
use crate::config::Signing;
use crate::envelope::Format;
use crate::gateway::facts::{Payer, ResourceAttributes};
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

/// A call as it was read.
struct Received {
    body: Bytes,
    parameters: Parameters,
    /// The parameters with their region alias replaced, if they have one.
    meant: Option<Parameters>,
}

impl Exchange {
    /// Judges, records and answers the call.
    pub(crate) async fn answer(&mut self, head: ReadHead, body: Incoming) -> Response<Full<Bytes>> {
        let judged = match head {
            Ok(head) => self.judge(&head, body).await,
            Err(RefusedHead { error, format }) => {
                self.call.format = format;
                Err(Rejection::Head(error))
            }
        };
        self.call.finish(judged).await
    }

    /// Finishes a call whose handler panicked: it is never allowed. The answer has the format, and the line in the
    /// audit log the facts, that were known by then.
    pub(crate) async fn panicked(&self) -> Response<Full<Bytes>> {
        self.call.finish(Err(Rejection::Panic)).await
    }

    /// The same without the audit log, for a panic while writing it.
    pub(crate) fn unwritten(&self) -> Response<Full<Bytes>> {
        self.call.answered(&Rejection::Panic).0
    }

    /// Takes the call from the wire to a permit. Up to here, the only requests to other services are reads (of
    /// attributes and key sets, for example), and the nonce is remembered.
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
        self.peer.check_host(head.host(), &gateway.parts.front.proxies.trusted)?;

        let signed = Signed::new(head, &parameters, &body);
        if let Some(issuing) = gateway.parts.in_force.issuing.as_ref().filter(|_| sts::is_called(&signed, &host)) {
            return sts::log_in(self, issuing, &signed).await;
        }
        host.check_service()?;
        let Identified { caller, requested: Requested { action, version }, claim, session } =
            self.identify(&signed).await?;

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
            checked.map_err(|error| match error {
                KeyError::NoKey(_) => Rejection::AccountWithoutKey(Arc::clone(&operation)),
                KeyError::NotReadYet { .. } | KeyError::Expired { .. } => Rejection::OwnKey(error),
            })?;
        }
        let binding = Binding { account: principal.account(), regions: &gateway.parts.judge.regions };
        let call = catalog
            .bind(&operation, meant.as_ref().unwrap_or(&parameters), binding)
            .map_err(|error| Rejection::Bind(Arc::clone(&operation), error))?;
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
                catalog.check_as_received(&call).map_err(|error| Rejection::Bind(Arc::clone(&operation), error))?;
                let original = Original::new(call, head, &body, &signed, claim.as_ref(), host.is_configured());
                Outgoing::Original(Box::new(original.map_err(|error| Rejection::Original(operation, error))?))
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
        let question = self.with_attributes(question).await?;
        let long = pdp.is_long(&question);
        let authorization =
            if long { long::decide(&gateway, question, self.call.deadline).await? } else { pdp.decide(question) };
        match authorization {
            Authorization::Permitted(permit) => {
                if self.call.attempt.reached == Reached::Unauthenticated {
                    gateway.charge(&self.call.attempt.holder(), BudgetItem::ClaimedCalls)?;
                }
                Ok(Judged::Forward(Box::new(permit)))
            }
            Authorization::Denied(denied) => Err(Rejection::Denied(Box::new(denied))),
        }
    }

    /// The question with the attributes of its resources, if the decision depends on them. ECS is asked only if the
    /// attributes can change the decision, and the query is charged to the caller.
    async fn with_attributes(&self, question: Question<Outgoing>) -> Result<Question<Outgoing>, Rejection> {
        let InForce { pdp, attributes, .. } = &self.call.gateway.parts.in_force;
        let budgets = &self.call.gateway.parts.callers.budgets;
        let (question, wanted) = match attributes {
            ResourceAttributes::Inventory(_) => {
                let wanted = pdp.needs(&question).any();
                (question, wanted)
            }
            ResourceAttributes::Upstream(_) if pdp.is_long(&question) => {
                long::depends_on_attributes(&self.call.gateway, question, self.call.deadline).await?
            }
            ResourceAttributes::Upstream(_) => {
                let wanted = pdp.depends_on_attributes(&question);
                (question, wanted)
            }
        };
        if !wanted {
            return Ok(question);
        }
        let payer = Payer { budgets, holder: self.call.attempt.holder() };
        let found = attributes.of(question.subject().as_ref().resources(), &payer, self.call.deadline).await?;
        Ok(question.with_attributes(found))
    }

    /// Notes the source of the call in the attempt. The caller of this function reports an error only after it has read
    /// the call, because the format of the answer is not known before.
    fn locate(&mut self, head: &Head) -> Result<(), ForwardedError> {
        let origin = self.peer.origin(head, &self.call.gateway.parts.front.proxies.trusted)?;
        let attempt = self.attempt();
        attempt.source = origin.source;
        attempt.transport = Peer::transport(origin.secure);
        Ok(())
    }

    /// Reads body and parameters, once. Until the parameters are known, the format of the answer is a guess.
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

    /// Notes the parameters in the attempt, except those that are confidential, such as parts of a signature.
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
