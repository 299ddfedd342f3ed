//! What a request puts to the test: the statements whose action and resource match, and which of their conditions held.

use crate::judge::evaluate::settled;
use crate::judge::layer::Layers;
use crate::judge::request::{Check, Request};
use crate::judge::set::{ResourceQuery, StatementRef};
use crate::judge::verdict::LayerKind;
use crate::language::effect::{Applies, Effect};

/// A statement that was about what was asked.
#[derive(Clone, Debug)]
pub struct Exercise<'a> {
    pub at: StatementRef<'a>,
    /// Whether each condition held, by itself, in their order.
    pub held: Vec<bool>,
}

impl Exercise<'_> {
    /// Whether the statement applied: whether or not it decided.
    pub fn applied(&self) -> bool {
        self.held.iter().all(|held| *held)
    }
}

impl Layers {
    /// For the resource with this number, in every layer that is asked about it, those behind one that refuses too.
    /// None where no policy is asked. The layers must be those of the request's principal.
    pub fn exercised<'a>(&'a self, request: &Request<'a>, at: usize) -> Vec<Exercise<'a>> {
        let Some(resource) = request.resource(at) else { return Vec::new() };
        let fields = resource.fields();
        let check = request.check(at);
        if settled(self, request, (fields, check)).is_some() {
            return Vec::new();
        }
        let attributes = request.attributes_of(at);
        let session = request.session_policy.map(|set| (LayerKind::Session, None, set));
        let acts = |group| attributes.acts_in(group, Effect::Allow) == Applies::Yes;
        let sets = self.sets().chain(session).filter(|(_, group, _)| group.is_none_or(acts));
        let matching = sets.flat_map(|(_, _, set)| {
            let slot = set.action_slots().find(request.action);
            set.matching(&ResourceQuery { action: request.action, slot, resource, fields, attributes: &attributes })
        });
        let exercise = |at: StatementRef<'a>| {
            let conditions = at.statement.conditions().iter();
            let held =
                conditions.map(|condition| condition.mismatch(at.statement.effect(), &attributes).is_none()).collect();
            Exercise { at, held }
        };
        let bears = |at: &StatementRef<'a>| check == Check::AllowAndDeny || at.statement.effect() == Effect::Deny;
        matching.filter(bears).map(exercise).collect()
    }
}
