//! The statements that a request exercises: those whose action and resource match, and which of their conditions hold.

use crate::judge::evaluate::settled;
use crate::judge::layer::Layers;
use crate::judge::request::{Check, Request};
use crate::judge::set::{ResourceQuery, StatementRef};
use crate::judge::verdict::LayerKind;
use crate::language::effect::{Applies, Effect};

/// A statement whose action and resource match a request: for measuring how well tests cover policies.
#[derive(Clone, Debug)]
pub struct Exercise<'a> {
    /// The statement.
    pub at: StatementRef<'a>,
    /// For each condition of the statement, in their order, whether it holds by itself.
    pub held: Vec<bool>,
}

impl Exercise<'_> {
    /// Whether the statement applies, regardless of whether it decides.
    pub fn applied(&self) -> bool {
        self.held.iter().all(|held| *held)
    }
}

impl Layers {
    /// The statements that a request exercises for its resource with this index, in every layer that acts on it,
    /// including those after one that refuses. Empty if no policies are evaluated.
    ///
    /// The layers must be those of the request's principal.
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
