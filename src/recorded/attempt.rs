//! One recorded attempt, as a question that can be put again.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::policy::Verdict;
use crate::ram::{
    Action, Context, ContextKey, Identity, ParametersBuilder, Place, Principal, Resource, WrittenPrincipal,
};
use crate::trail::{Condition, Cut, Decision, Event, Gateway, Stage, Verdict as Written};

use super::deliveries::from_delivery;

/// An attempt that was judged once.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The event's id, or the request's.
    pub id: String,
    pub time: Timestamp,
    pub principal: Principal,
    pub subject: Subject,
    pub context: Context,
    pub facts: Facts,
    /// The digest of the session policy that narrowed it.
    pub narrowed_by: Option<Arc<str>>,
    pub before: Before,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub action: Action,
    pub resources: Vec<Resource<'static>>,
    /// Whether the catalogue has no file of the operation.
    pub unlisted: bool,
}

/// What was known of the resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// Tags and groups, one context for each resource.
    Recorded(Vec<Context>),
    /// No policy asked for them then.
    Unrecorded,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    Allowed,
    Denied,
}

/// Why a line is no attempt that can be judged again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unreadable {
    /// No fault: another line says it, or nothing was judged.
    #[error("nothing was judged: the call was refused before, or the line is about something else")]
    NotJudged,
    #[error("the caller has no name that a policy directory could know")]
    NoPrincipal,
    #[error("the line lacks what was judged, or holds something that is none")]
    NoQuestion,
    #[error("what was judged was cut when the line was written: a value, resources or condition keys")]
    Cut,
    #[error("whether the caller was allowed to cannot be told from the answer")]
    UnknownVerdict,
    #[error("the operation is none that this program knows")]
    UnknownOperation,
    #[error("what the call named cannot be told from its parameters")]
    NoResources,
}

impl Attempt {
    /// Of a line of ours, or of an event that ActionTrail delivered.
    ///
    /// # Errors
    /// Why there is nothing to judge again.
    pub fn read(event: &Event, catalog: &Catalog) -> Result<Self, Unreadable> {
        match &event.gateway {
            Some(gateway) => Self::ours(event, gateway, catalog),
            None => from_delivery(event, catalog),
        }
    }

    fn ours(event: &Event, gateway: &Gateway, catalog: &Catalog) -> Result<Self, Unreadable> {
        let before = match gateway.verdict {
            Written::Allow => Before::Allowed,
            Written::ExplicitDeny | Written::ImplicitDeny => Before::Denied,
            Written::Refused | Written::Error | Written::Other(_) => return Err(Unreadable::NotJudged),
        };
        let decision = gateway.decision.as_ref().filter(|_| gateway.stage == Stage::Decision);
        let decision = decision.ok_or(Unreadable::NotJudged)?;
        if decision.action == "sts:AssumeRole" {
            return Err(Unreadable::NotJudged);
        }
        if gateway.cut.is_some_and(Cut::is_of_the_question) {
            return Err(Unreadable::Cut);
        }
        let resources = decision.resources.iter().map(|resource| resource.arn.parse().ok());
        let resources: Vec<Resource<'static>> = resources.collect::<Option<_>>().ok_or(Unreadable::NoQuestion)?;
        if resources.is_empty() {
            return Err(Unreadable::NoQuestion);
        }
        let action: Action = decision.action.parse().map_err(|_| Unreadable::NoQuestion)?;
        let unlisted = catalog.operations().all(|operation| *operation.action() != action);
        let session = gateway.session.as_ref();
        let mut context = context(&decision.conditions)?;
        add_request_tags(event, &action, catalog, &mut context)?;
        Ok(Self {
            id: event.event_id.clone().or_else(|| event.request_id.clone()).unwrap_or_default(),
            time: event.time,
            principal: principal_of(event)?,
            subject: Subject { action, resources, unlisted },
            context,
            facts: facts(decision)?,
            narrowed_by: session.and_then(|session| session.narrowed_by.as_deref()).map(Arc::from),
            before,
        })
    }
}

/// Whoever called, by the name that policies are attached to.
pub(super) fn principal_of(event: &Event) -> Result<Principal, Unreadable> {
    let arn = event.user.arn().ok_or(Unreadable::NoPrincipal)?;
    let written: WrittenPrincipal = arn.parse().map_err(|_| Unreadable::NoPrincipal)?;
    written.in_account(None).ok_or(Unreadable::NoPrincipal)
}

fn facts(decision: &Decision) -> Result<Facts, Unreadable> {
    let known: Option<Vec<_>> = decision.resources.iter().map(|resource| resource.conditions.as_deref()).collect();
    match known {
        Some(known) => Ok(Facts::Recorded(known.into_iter().map(context).collect::<Result<_, _>>()?)),
        None => Ok(Facts::Unrecorded),
    }
}

fn context(conditions: &[Condition]) -> Result<Context, Unreadable> {
    let mut context = Context::default();
    for Condition { key, values } in conditions {
        let key: ContextKey = key.parse().map_err(|_| Unreadable::NoQuestion)?;
        for value in values {
            if value.ends_with('…') {
                return Err(Unreadable::Cut);
            }
            context.add_text(key.clone(), value);
        }
    }
    Ok(context)
}

/// The tags that the call set, for lines that have them among the parameters only.
fn add_request_tags(
    event: &Event,
    action: &Action,
    catalog: &Catalog,
    context: &mut Context,
) -> Result<(), Unreadable> {
    let Some(operation) = catalog.operations().find(|operation| operation.action() == action) else { return Ok(()) };
    let mut parameters = ParametersBuilder::default();
    for (name, value) in event.parameters.iter().filter(|(name, _)| name.starts_with("Tag.")) {
        parameters.push(name, value, Place::Query);
    }
    let parameters = parameters.finish().map_err(|_| Unreadable::NoQuestion)?;
    let mut tags = Context::default();
    operation.add_request_tags(&parameters, &mut tags);
    let told = context.clone();
    for (key, value) in tags.iter().filter(|(key, _)| !told.has(key)) {
        if value.text().ends_with('…') {
            return Err(Unreadable::Cut);
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

impl Before {
    /// Whether a verdict is another than this.
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
