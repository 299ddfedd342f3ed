//! The decision of a call, short enough for its line.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::envelope::json_part;
use ram_policy::{Context, ContextKey, MatchedPolicy, Request, ValueRef, Verdict};

use super::super::line::{Condition, Cut, Decision, JudgedResource, PossibleDeny, truncate};
use super::length::{PERMITTED_DECISION, REFUSED_DECISION};

/// How many statements a denial's line names for one resource: a line must not grow with the number of statements that
/// deny.
pub(super) const MOST_DENYING: usize = 16;

/// How many statements are looked up for a permit's line, for all its resources together. A line that names all its
/// statements stays below this bound: so many statements would not fit into [`PERMITTED_DECISION`] bytes.
const MOST_ALLOWING: usize = PERMITTED_DECISION / SHORTEST_MATCHED;
/// A lower bound for the bytes of a matched statement: its keys and its document's digest alone take more.
const SHORTEST_MATCHED: usize = 100;

/// How many statements of a resource are written if the line is too long for all of them.
const FEW_STATEMENTS: usize = 4;

/// How much of a decision is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    /// Every resource and condition key, and a few statements of each resource.
    AllResources,
    /// This many resources, the decisive one first, with a few statements of each and without conditions.
    Decisive(usize),
}

/// A decision that borrows the engine's values.
type Judged<'a> = Decision<'a, MatchedPolicy<'a>, &'a ContextKey>;

/// The decision about a denied call, and what it omits.
pub(super) fn denied_decision(request: &Request<'_>, decision: &ram_policy::Decision) -> (Box<RawValue>, Cut) {
    shortest(request, decision, REFUSED_DECISION, &[Extent::Whole, Extent::Decisive(16), Extent::Decisive(1)])
}

/// The decision about a permitted call, with every resource that was judged.
pub(super) fn permitted_decision(request: &Request<'_>, decision: &ram_policy::Decision) -> (Box<RawValue>, Cut) {
    shortest(request, decision, PERMITTED_DECISION, &[Extent::Whole, Extent::AllResources])
}

/// The first extent that is short enough, or the last.
fn shortest(
    request: &Request<'_>,
    decision: &ram_policy::Decision,
    bytes: usize,
    extents: &[Extent],
) -> (Box<RawValue>, Cut) {
    let json = |extent| {
        let mut judged = judged(request, decision);
        let cut = limit(&mut judged, decision, extent);
        (json_part(&judged), cut)
    };
    let mut written = json(extents[0]);
    for extent in &extents[1..] {
        if written.0.get().len() <= bytes {
            break;
        }
        written = json(*extent);
    }
    written
}

fn judged<'a>(request: &Request<'a>, decision: &'a ram_policy::Decision) -> Judged<'a> {
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
    let resources = judged.map(|(at, (resource, judged))| JudgedResource {
        arn: Cow::Borrowed(resource.as_str()),
        verdict: judged.verdict.into(),
        conditions: request.attributes.get(at).map(conditions),
        matched: deciding(at).into_iter().map(|(layer, at)| MatchedPolicy::new(layer, at)).collect(),
        possible_deny: decision.possible_deny(request, at).map(possible_deny),
    });
    Decision {
        action: Cow::Borrowed(request.action.as_str()),
        explicit_deny: decision.verdict() == Verdict::ExplicitDeny,
        policy_type: decision.policy_type().map(Cow::Borrowed),
        auth_conditions: Some(conditions(request.context)),
        resources: resources.collect(),
    }
}

fn possible_deny(deny: ram_policy::PossibleDeny<'_>) -> PossibleDeny<'_, MatchedPolicy<'_>> {
    PossibleDeny { statement: MatchedPolicy::new(deny.layer, deny.at), unknown_key: deny.key().map(truncate) }
}

/// Omits everything beyond an extent, and returns how much that was.
fn limit(judged: &mut Judged<'_>, decision: &ram_policy::Decision, extent: Extent) -> Cut {
    let mut cut = Cut::default();
    if extent == Extent::Whole {
        return cut;
    }
    if let Extent::Decisive(most) = extent {
        let decisive = decision.decisive().map_or(0, |(at, _)| at);
        let all = judged.resources.len();
        judged.resources.rotate_left(decisive.min(all));
        cut.resources = all.saturating_sub(most) as u64;
        judged.resources.truncate(most);
        let conditions = judged.auth_conditions.replace(Vec::new()).unwrap_or_default();
        let of_resources = judged.resources.iter_mut().filter_map(|resource| resource.conditions.take());
        cut.conditions = (conditions.len() + of_resources.map(|conditions| conditions.len()).sum::<usize>()) as u64;
    }
    for resource in &mut judged.resources {
        cut.statements += resource.matched.len().saturating_sub(FEW_STATEMENTS) as u64;
        resource.matched.truncate(FEW_STATEMENTS);
    }
    cut
}

/// Every key once, with all its values.
fn conditions(context: &Context) -> Vec<Condition<'_, &ContextKey>> {
    let mut conditions: Vec<Condition<'_, &ContextKey>> = Vec::new();
    for (key, value) in context.iter() {
        let value = value_text(value);
        match conditions.iter_mut().find(|condition| condition.key == key) {
            Some(condition) => condition.values.push(value),
            None => conditions.push(Condition { key, values: vec![value] }),
        }
    }
    conditions
}

fn value_text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Text(text) => truncate(text),
        typed => typed.text(),
    }
}
