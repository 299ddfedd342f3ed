//! The statements that a verdict rests on, found by the index: what an audit line names on every call.

use super::decision::{Decision, Grounds, Judged};
use super::effect::Effect;
use super::layer::LayerKind;
use super::request::Request;
use super::set::{Asked, PolicySet, StatementRef};
use super::verdict::{Applies, Verdict};

impl Decision {
    /// For the resource with this number. For an allow, the statements that allow in any layer; for an explicit deny,
    /// those that deny in the layer that refuses; none for an implicit deny. The request must be the one that was
    /// judged.
    pub fn deciding<'a>(&'a self, request: &Request<'a>, at: usize) -> Vec<(LayerKind, StatementRef<'a>)> {
        self.deciding_at_most(request, at, usize::MAX)
    }

    /// The same, but `most` of them where there are more: what is written of a denied call must not grow with the
    /// number of statements.
    pub fn deciding_at_most<'a>(
        &'a self,
        request: &Request<'a>,
        at: usize,
        most: usize,
    ) -> Vec<(LayerKind, StatementRef<'a>)> {
        let (Some(Judged { verdict, grounds }), Some(resource)) = (self.judged.get(at), request.resources.get(at))
        else {
            return Vec::new();
        };
        let effect = match verdict {
            Verdict::Allow => Effect::Allow,
            Verdict::ExplicitDeny => Effect::Deny,
            Verdict::ImplicitDeny => return Vec::new(),
        };
        if matches!(grounds, Grounds::Ownership | Grounds::Configured) {
            return Vec::new();
        }
        let facts = request.facts_of(at);
        let session = request.session.map(|set| (LayerKind::Session, None, set));
        let sets = self.layers.sets().chain(session).filter(|(kind, group, _)| {
            (*verdict == Verdict::Allow || *kind == grounds.layer())
                && group.is_none_or(|group| facts.acts_in(group, effect) == Applies::Yes)
        });
        let mut sets: Vec<(LayerKind, &'a PolicySet)> = sets.map(|(kind, _, set)| (kind, &**set)).collect();
        sets.sort_by_key(|(kind, _)| *kind);
        let mut deciding = Vec::new();
        for (kind, set) in sets {
            let lane = set.lanes().find(request.action);
            let asked = Asked { action: request.action, lane, resource, fields: resource.fields(), facts: &facts };
            let applying = set.applying(effect, &asked, most.saturating_sub(deciding.len()));
            deciding.extend(applying.into_iter().map(|at| (kind, at)));
        }
        deciding
    }
}
