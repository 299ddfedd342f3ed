//! The statements that a verdict rests on, found by the index: what an audit line names on every call.

use crate::judge::decision::Decision;
use crate::judge::request::Request;
use crate::judge::set::{PolicySet, ResourceQuery, StatementRef};
use crate::judge::verdict::{Grounds, Judged, LayerKind, Verdict};
use crate::language::effect::{Applies, Effect};

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
        let (Some(Judged { verdict, grounds }), Some(resource)) = (self.judged.get(at), request.resource(at)) else {
            return Vec::new();
        };
        let effect = match verdict {
            Verdict::Allow => Effect::Allow,
            Verdict::ExplicitDeny => Effect::Deny,
            Verdict::ImplicitDeny => return Vec::new(),
        };
        if matches!(grounds, Grounds::Ownership | Grounds::Configured | Grounds::NotDenied) {
            return Vec::new();
        }
        let attributes = request.attributes_of(at);
        let session = request.session_policy.map(|set| (LayerKind::Session, None, set));
        let sets = self.layers.sets().chain(session).filter(|(kind, group, _)| {
            (*verdict == Verdict::Allow || *kind == grounds.layer())
                && group.is_none_or(|group| attributes.acts_in(group, effect) == Applies::Yes)
        });
        let mut sets: Vec<(LayerKind, &'a PolicySet)> = sets.map(|(kind, _, set)| (kind, &**set)).collect();
        sets.sort_by_key(|(kind, _)| *kind);
        let mut deciding = Vec::new();
        for (kind, set) in sets {
            let slot = set.action_slots().find(request.action);
            let query = ResourceQuery {
                action: request.action,
                slot,
                resource,
                fields: resource.fields(),
                attributes: &attributes,
            };
            let applying = set.applying(effect, &query, most.saturating_sub(deciding.len()));
            deciding.extend(applying.into_iter().map(|at| (kind, at)));
        }
        deciding
    }
}
