//! Reads a recorded attempt as a question that can be judged again.

use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::read::{Condition, Cut, Decision, Event, Gateway, Stage, Verdict as Written};
use crate::catalog::Catalog;
use crate::ram::{ParametersBuilder, Place};
use ram_policy::{Action, Context, ContextKey, Identity, Principal, PrincipalName, Resource, Verdict};

use super::deliveries::from_delivery;

/// An attempt that was judged when it was recorded.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The event's id, or else the request's.
    pub id: String,
    pub time: Timestamp,
    pub principal: Principal,
    pub subject: Subject,
    pub context: Context,
    pub attributes: RecordedAttributes,
    /// The digest of the session policy, if the session had one.
    pub narrowed_by: Option<Arc<str>>,
    pub recorded: RecordedVerdict,
}

/// The action and the resources of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub action: Action,
    pub resources: Vec<Resource<'static>>,
    /// Whether the catalogue has no file for the operation.
    pub unlisted: bool,
}

/// The attributes of the resources, if recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedAttributes {
    /// Tags and groups, one context for each resource.
    Recorded(Vec<Context>),
    /// Not recorded, because no policy depended on them.
    Unrecorded,
}

/// The recorded verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedVerdict {
    Allowed,
    Denied,
}

/// Why a line contains no attempt that can be judged again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum AttemptError {
    /// Not a problem: no policy was evaluated, or another line records the decision.
    #[error("no policy was evaluated: the call was refused before, or the line records something else")]
    NotJudged,
    #[error("the caller cannot be a principal of a policy directory")]
    NoPrincipal,
    #[error("the line does not record the action and resources in a readable form")]
    NoQuestion,
    #[error("a value, resources or condition keys were truncated when the line was written")]
    Cut,
    #[error("the answer does not show whether the call was allowed")]
    UnknownVerdict,
    #[error("the operation is unknown to this program")]
    UnknownOperation,
    #[error("the parameters do not identify the resources of the call")]
    NoResources,
}

impl Attempt {
    /// Reads a line of the gateway's log, or an event that ActionTrail delivered.
    ///
    /// # Errors
    /// The line contains no attempt that can be judged again.
    pub fn read(event: &Event, catalog: &Catalog) -> Result<Self, AttemptError> {
        match event.gateway() {
            Some(gateway) => Self::ours(event, gateway, catalog),
            None => from_delivery(event, catalog),
        }
    }

    fn ours(event: &Event, gateway: &Gateway, catalog: &Catalog) -> Result<Self, AttemptError> {
        let recorded = match gateway.verdict {
            Written::Allow => RecordedVerdict::Allowed,
            Written::ExplicitDeny | Written::ImplicitDeny => RecordedVerdict::Denied,
            Written::Refused | Written::Error | Written::Other(_) => return Err(AttemptError::NotJudged),
        };
        let decision = gateway.decision.as_ref().filter(|_| gateway.stage == Stage::Decision);
        let decision = decision.ok_or(AttemptError::NotJudged)?;
        if decision.action == "sts:AssumeRole" {
            return Err(AttemptError::NotJudged);
        }
        if gateway.cut.is_some_and(Cut::is_of_the_question) {
            return Err(AttemptError::Cut);
        }
        let resources = decision.resources.iter().map(|resource| resource.arn.parse().ok());
        let resources: Vec<Resource<'static>> = resources.collect::<Option<_>>().ok_or(AttemptError::NoQuestion)?;
        if resources.is_empty() {
            return Err(AttemptError::NoQuestion);
        }
        let action: Action = decision.action.parse().map_err(|_| AttemptError::NoQuestion)?;
        let unlisted = catalog.operations().all(|operation| *operation.action() != action);
        let session = gateway.session.as_ref();
        let mut context = context(decision.conditions())?;
        add_request_tags(event, &action, catalog, &mut context)?;
        Ok(Self {
            id: event.event_id.clone().or_else(|| event.request_id.clone()).unwrap_or_default().into_owned(),
            time: event.time,
            principal: principal_of(event)?,
            subject: Subject { action, resources, unlisted },
            context,
            attributes: attributes(decision)?,
            narrowed_by: session.and_then(|session| session.narrowed_by.as_deref()).map(Arc::from),
            recorded,
        })
    }
}

/// The caller, as the principal that policies are attached to.
pub(super) fn principal_of(event: &Event) -> Result<Principal, AttemptError> {
    let arn = event.user.arn().ok_or(AttemptError::NoPrincipal)?;
    let written: PrincipalName = arn.parse().map_err(|_| AttemptError::NoPrincipal)?;
    written.in_account(None).ok_or(AttemptError::NoPrincipal)
}

fn attributes(decision: &Decision) -> Result<RecordedAttributes, AttemptError> {
    let known: Option<Vec<_>> = decision.resources.iter().map(|resource| resource.conditions.as_deref()).collect();
    match known {
        Some(known) => Ok(RecordedAttributes::Recorded(known.into_iter().map(context).collect::<Result<_, _>>()?)),
        None => Ok(RecordedAttributes::Unrecorded),
    }
}

fn context(conditions: &[Condition]) -> Result<Context, AttemptError> {
    let mut context = Context::default();
    for Condition { key, values } in conditions {
        let key: ContextKey = key.parse().map_err(|_| AttemptError::NoQuestion)?;
        for value in values {
            if value.ends_with('…') {
                return Err(AttemptError::Cut);
            }
            context.add_text(key.clone(), value);
        }
    }
    Ok(context)
}

/// Adds the tags that the call sets, for lines that record them only among the parameters.
fn add_request_tags(
    event: &Event,
    action: &Action,
    catalog: &Catalog,
    context: &mut Context,
) -> Result<(), AttemptError> {
    let Some(operation) = catalog.operations().find(|operation| operation.action() == action) else { return Ok(()) };
    let mut parameters = ParametersBuilder::default();
    for (name, value) in event.parameters.iter().filter(|(name, _)| name.starts_with("Tag.")) {
        parameters.push(name, value, Place::Query);
    }
    let parameters = parameters.finish().map_err(|_| AttemptError::NoQuestion)?;
    let mut tags = Context::default();
    operation.add_request_tags(&parameters, &mut tags);
    let recorded = context.clone();
    for (key, value) in tags.iter().filter(|(key, _)| !recorded.has(key)) {
        if value.text().ends_with('…') {
            return Err(AttemptError::Cut);
        }
        context.add_text(key.clone(), &value.text());
    }
    Ok(())
}

impl crate::pdp::Subject for Subject {
    fn action(&self) -> &Action {
        &self.action
    }

    fn resources(&self) -> &[Resource<'_>] {
        &self.resources
    }

    fn is_unlisted(&self) -> bool {
        self.unlisted
    }
}

impl RecordedVerdict {
    /// Whether a new verdict differs from the recorded one.
    pub fn differs(self, now: Verdict) -> bool {
        (self == Self::Allowed) != (now == Verdict::Allow)
    }
}

impl Attempt {
    /// Whether the caller is the account's root, whom no policy binds.
    pub fn is_root(&self) -> bool {
        matches!(self.principal.identity(), Identity::Root)
    }
}
