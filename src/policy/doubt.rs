//! The Deny that cannot be ruled out, where a refusal rests on one: found by the index.

use super::condition::Condition;
use super::decision::{Decision, Grounds};
use super::effect::Effect;
use super::layer::LayerKind;
use super::mismatch::Mismatch;
use super::request::{Naming, Request};
use super::set::{Asked, Needs, PolicySet, StatementRef};
use super::verdict::Applies;

/// Of how many the first in the order of documents is named: a caller who is refused decides how often this runs.
const MOST: usize = 16;

/// A Deny of which it is not known whether it applies.
#[derive(Clone, Copy, Debug)]
pub struct Doubt<'a> {
    pub layer: LayerKind,
    pub at: StatementRef<'a>,
    /// What is not known: [`Mismatch::is_unknown`].
    pub mismatch: Mismatch,
    pub(super) naming: Naming,
}

impl<'a> Doubt<'a> {
    /// Whether what is not known is what the call names.
    pub(super) fn is_unplaced(&self) -> bool {
        let of_resource = match self.mismatch {
            Mismatch::Condition { index, .. } => {
                self.at.statement.conditions().get(index).is_some_and(|condition| Needs::of_key(condition.key()).any())
            }
            mismatch => mismatch.is_unknown(),
        };
        of_resource && self.naming == Naming::Untold
    }

    /// The condition key that is not known, as it is written; none where it is the resource or its group.
    pub fn key(&self) -> Option<&'a str> {
        let Mismatch::Condition { index, .. } = self.mismatch else { return None };
        self.at.statement.conditions().get(index).map(Condition::written_key)
    }
}

impl Decision {
    /// For the resource with this number, the first Deny that its refusal rests on; none where it rests on something
    /// else than [`Grounds::Unknown`]. The request must be the one that was judged.
    pub fn doubt<'a>(&'a self, request: &Request<'a>, at: usize) -> Option<Doubt<'a>> {
        let Grounds::Unknown(layer) = self.judged.get(at)?.grounds else { return None };
        let resource = request.resources.get(at)?;
        let facts = request.facts_of(at);
        let session = request.session.map(|set| (LayerKind::Session, None, set));
        let sets = self.layers.sets().chain(session).filter(|(kind, ..)| *kind == layer);
        let doubt = |(kind, group, set): (LayerKind, Option<&'a str>, &'a PolicySet)| {
            let lane = set.lanes().find(request.action);
            let asked = Asked { action: request.action, lane, resource, fields: resource.fields(), facts: &facts };
            let acts = group.map_or(Applies::Yes, |group| facts.acts_in(group, Effect::Deny));
            let at = match acts {
                Applies::No => None,
                Applies::Unknown => set.may_apply(Effect::Deny, &asked, MOST),
                Applies::Yes => set.unknown(Effect::Deny, &asked, MOST),
            }?;
            let of_group = (acts == Applies::Unknown).then_some(Mismatch::ResourceGroupUnknown);
            let mismatch = of_group.or_else(|| at.statement.mismatch(request.action, resource, &facts))?;
            Some(Doubt { layer: kind, at, mismatch, naming: request.naming })
        };
        sets.map(|(kind, group, set)| (kind, group, &**set)).find_map(doubt)
    }
}
