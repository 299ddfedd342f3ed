//! Operations of which only the name is known: nobody says which resources a call of one names.

use std::sync::Arc;

use super::condition::Condition;
use super::decision::{Decision, Grounds, Judged};
use super::effect::Effect;
use super::evaluate::evaluate;
use super::layer::{LayerKind, Layers};
use super::operator::Sense;
use super::pattern::ArnPattern;
use super::request::Request;
use super::set::{Needs, StatementRef};
use super::statement::Statement;
use super::verdict::Verdict;

/// Judges by the policies, and closes what they leave open: a Deny on some resources only, or anything that turns on
/// their tags or group, would be passed over, since it is not known whether the call names one of them.
pub fn evaluate_unlisted(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    let mut decision = evaluate(layers, request);
    if decision.verdict() == Verdict::Allow && layers.unplaced(request).is_some() {
        for judged in &mut decision.judged {
            *judged = Judged { verdict: Verdict::ImplicitDeny, grounds: Grounds::Unplaced };
        }
    }
    decision
}

/// Lets the request go on unasked, because that was configured. Whoever is under quarantine stays so.
pub fn forward_unlisted(layers: &Arc<Layers>, request: &Request<'_>) -> Decision {
    if layers.quarantine().is_some() {
        return evaluate(layers, request);
    }
    let configured = Judged { verdict: Verdict::Allow, grounds: Grounds::Configured };
    Decision { judged: request.resources.iter().map(|_| configured).collect(), layers: Arc::clone(layers) }
}

impl Layers {
    /// The first statement about the action that may or may not apply to a call whose resources are not known, where
    /// that could close what seems open.
    pub(super) fn unplaced<'a>(&'a self, request: &Request<'a>) -> Option<StatementRef<'a>> {
        let session = request.session.map(|set| (LayerKind::Session, None, set));
        let statements = self.sets().chain(session).flat_map(|(kind, _, set)| {
            let scoped = kind == LayerKind::ResourceGroupIdentity;
            set.statements().map(move |at| (scoped, at))
        });
        let mut about = statements.filter(|(_, at)| at.statement.actions().select(request.action));
        about.find(|(scoped, at)| is_unplaced(at.statement, *scoped)).map(|(_, at)| at)
    }
}

fn is_unplaced(statement: &Statement, scoped: bool) -> bool {
    let by_facts = |condition: &&Condition| Needs::of_key(condition.key()).any();
    let mut by_facts = statement.conditions().iter().filter(by_facts);
    match statement.effect() {
        Effect::Deny => scoped || by_facts.next().is_some() || !statement.resources().iter().any(ArnPattern::is_any),
        // What is excluded by a tag seems not to have it.
        Effect::Allow => by_facts.any(|condition| condition.operator().sense() == Sense::Negated),
    }
}

impl Judged {
    /// Whether something else than the policies decided, because the operation has no file.
    pub(super) fn is_unlisted(&self) -> bool {
        matches!(self.grounds, Grounds::Configured | Grounds::Unplaced)
    }
}
