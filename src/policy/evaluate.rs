//! Judging a request by the layers of its principal (`spec/ram-policy.md` 6): total, and nothing but a function.

use std::sync::Arc;

use crate::ram::{Action, Request, Resource};

use super::condition::Facts;
use super::decision::{Decision, Grounds, Judged, Verdict};
use super::layer::{Layer, LayerKind, Layers};
use super::statement::{Effect, Mismatch};

/// Judges each resource of the request by itself. The layers must be those of the request's principal.
pub fn evaluate(layers: &Arc<Layers>, request: &Request) -> Decision {
    let facts = Facts::of(request);
    let judged = request.resources.iter().map(|resource| judge(layers, request, resource, &facts)).collect();
    Decision { layers: Arc::clone(layers), judged }
}

fn judge(layers: &Layers, request: &Request, resource: &Resource, facts: &Facts<'_>) -> Judged {
    let principal = &request.principal;
    let settled = |verdict, grounds| Judged { resource: resource.clone(), verdict, grounds, examined: Vec::new() };
    if resource.account().is_some_and(|owner| owner != principal.account.as_str()) {
        return settled(Verdict::ImplicitDeny, Grounds::ForeignAccount);
    }
    if principal.is_root() {
        return settled(Verdict::Allow, Grounds::Ownership);
    }
    let mut judged = settled(Verdict::ImplicitDeny, Grounds::Policies(LayerKind::AccountIdentity));
    judged.examined.reserve_exact(layers.statement_count());
    for layer in layers.iter() {
        judged.grounds = Grounds::Policies(layer.kind());
        judged.verdict = judge_by_layer(layer, &request.action, resource, facts, &mut judged.examined);
        if judged.verdict != Verdict::Allow {
            break;
        }
    }
    judged
}

/// Any Deny that applies goes before any Allow; without either, an implicit deny (`spec/ram-policy.md` 6.1).
fn judge_by_layer(
    layer: &Layer,
    action: &Action,
    resource: &Resource,
    facts: &Facts<'_>,
    examined: &mut Vec<Option<Mismatch>>,
) -> Verdict {
    let mut verdict = Verdict::ImplicitDeny;
    for at in layer.statements() {
        let mismatch = at.statement.mismatch(action, resource, facts);
        verdict = match (mismatch, at.statement.effect()) {
            (Some(_), _) => verdict,
            (None, Effect::Deny) => Verdict::ExplicitDeny,
            (None, Effect::Allow) if verdict == Verdict::ExplicitDeny => verdict,
            (None, Effect::Allow) => Verdict::Allow,
        };
        examined.push(mismatch);
    }
    verdict
}
