//! What a request puts to the test: the statements whose action and resource match, and which of their conditions held.

use super::effect::Effect;
use super::evaluate::settled;
use super::layer::{LayerKind, Layers};
use super::request::Request;
use super::set::{Asked, StatementRef};
use super::verdict::Applies;

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
        let Some(resource) = request.resources.get(at) else { return Vec::new() };
        let fields = resource.fields();
        if settled(self, request, fields).is_some() {
            return Vec::new();
        }
        let facts = request.facts_of(at);
        let session = request.session.map(|set| (LayerKind::Session, None, set));
        let acts = |group| facts.acts_in(group, Effect::Allow) == Applies::Yes;
        let sets = self.sets().chain(session).filter(|(_, group, _)| group.is_none_or(acts));
        let matching = sets.flat_map(|(_, _, set)| {
            let lane = set.lanes().find(request.action);
            set.matching(&Asked { action: request.action, lane, resource, fields, facts: &facts })
        });
        let exercise = |at: StatementRef<'a>| {
            let conditions = at.statement.conditions().iter();
            let held = conditions.map(|condition| condition.fault(at.statement.effect(), &facts).is_none()).collect();
            Exercise { at, held }
        };
        matching.map(exercise).collect()
    }
}
