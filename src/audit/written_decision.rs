//! The decision as it stands in a line, in RAM's own words for a diagnosis (`spec/ram-policy.md` 7.3).

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::envelope::json_part;
use crate::policy::{Decision, Doubt, MatchedPolicy, Request, Verdict};
use crate::ram::{Context, ContextKey, ValueRef};

use super::bounded::bounded;
use super::cut::{Cut, PERMITTED_DECISION};

/// How many statements a denial's line names for one resource: a line must not grow with the number of statements that
/// deny.
pub(super) const MOST_DENYING: usize = 16;

/// How many statements are looked up for a permit's line, for all its resources together. So many take more bytes than
/// the line has for its decision ([`PERMITTED_DECISION`]), so a line that names all its statements never reached this.
const MOST_ALLOWING: usize = PERMITTED_DECISION / SHORTEST_MATCHED;
/// A matched statement takes no fewer bytes: its keys and its document's digest alone are longer.
const SHORTEST_MATCHED: usize = 100;

/// How much of a decision is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// Every resource and condition key, and a few statements of each resource.
    AllResources,
    /// So many resources, first of all the one that decided.
    Decisive(usize),
}

/// Statements of one resource, where not all are written.
const FEW_STATEMENTS: usize = 4;

/// Written once, for the decision's line and the outcome's; with what its extent leaves out.
pub(super) fn written_decision(request: &Request<'_>, decision: &Decision, extent: Extent) -> (Box<RawValue>, Cut) {
    let mut written = WrittenDecision::new(request, decision);
    let cut = written.limit(decision, extent);
    (json_part(&written), cut)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenDecision<'a> {
    auth_action: &'a str,
    explicit_deny: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_permission_policy_type: Option<&'static str>,
    auth_conditions: Vec<Condition<'a>>,
    resources: Vec<Resource<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition<'a> {
    #[serde(serialize_with = "as_text")]
    condition_key: &'a ContextKey,
    condition_values: Vec<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource<'a> {
    auth_resource: &'a str,
    verdict: Verdict,
    /// Tags and the resource group, where a policy asked for them: empty, where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_conditions: Option<Vec<Condition<'a>>>,
    matched_policies: Vec<MatchedPolicy<'a>>,
    /// What the refusal rests on, where no statement is known to deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    possible_deny: Option<PossibleDeny<'a>>,
}

/// A Deny that cannot be ruled out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PossibleDeny<'a> {
    policy: MatchedPolicy<'a>,
    /// As the policy spells it. Absent if it is not a condition key, but the resource or its group, that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_key: Option<Cow<'a, str>>,
}

impl<'a> WrittenDecision<'a> {
    fn new(request: &Request<'a>, decision: &'a Decision) -> Self {
        let mut left = MOST_ALLOWING;
        let mut deciding = |at| {
            if decision.verdict() != Verdict::Allow {
                return decision.deciding_at_most(request, at, MOST_DENYING);
            }
            let found = decision.deciding_at_most(request, at, left.max(FEW_STATEMENTS));
            left = left.saturating_sub(found.len());
            found
        };
        let judged = request.resources.iter().zip(decision.judgements()).enumerate();
        let resources = judged.map(|(at, (resource, judged))| Resource {
            auth_resource: resource.as_str(),
            verdict: judged.verdict,
            resource_conditions: request.facts.get(at).map(conditions),
            matched_policies: deciding(at).into_iter().map(|(layer, at)| MatchedPolicy::new(layer, at)).collect(),
            possible_deny: decision.doubt(request, at).map(PossibleDeny::new),
        });
        Self {
            auth_action: request.action.as_str(),
            explicit_deny: decision.verdict() == Verdict::ExplicitDeny,
            no_permission_policy_type: decision.policy_type(),
            auth_conditions: conditions(request.context),
            resources: resources.collect(),
        }
    }
}

impl<'a> PossibleDeny<'a> {
    fn new(doubt: Doubt<'a>) -> Self {
        Self { policy: MatchedPolicy::new(doubt.layer, doubt.at), unknown_key: doubt.key().map(bounded) }
    }
}

impl WrittenDecision<'_> {
    /// Leaves out what the extent does not have.
    fn limit(&mut self, decision: &Decision, extent: Extent) -> Cut {
        let mut cut = Cut::default();
        if extent == Extent::Whole {
            return cut;
        }
        if let Extent::Decisive(most) = extent {
            let decisive = decision.decisive().map_or(0, |(at, _)| at);
            let all = self.resources.len();
            self.resources.rotate_left(decisive.min(all));
            cut.resources = self.resources.len().saturating_sub(most);
            self.resources.truncate(most);
            let conditions = std::mem::take(&mut self.auth_conditions);
            let of_resources = self.resources.iter_mut().filter_map(|resource| resource.resource_conditions.take());
            cut.conditions = conditions.len() + of_resources.map(|conditions| conditions.len()).sum::<usize>();
        }
        for resource in &mut self.resources {
            cut.statements += resource.matched_policies.len().saturating_sub(FEW_STATEMENTS);
            resource.matched_policies.truncate(FEW_STATEMENTS);
        }
        cut
    }
}

/// Every key once, with all its values.
fn conditions(context: &Context) -> Vec<Condition<'_>> {
    let mut conditions: Vec<Condition<'_>> = Vec::new();
    for (key, value) in context.iter() {
        let value = written(value);
        match conditions.iter_mut().find(|condition| condition.condition_key == key) {
            Some(condition) => condition.condition_values.push(value),
            None => conditions.push(Condition { condition_key: key, condition_values: vec![value] }),
        }
    }
    conditions
}

fn written(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Text(text) => bounded(text),
        typed => typed.text(),
    }
}

fn as_text<S: serde::Serializer>(key: &ContextKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}
