//! The Deny that cannot be ruled out, where a refusal rests on one: found by the index.

use crate::judge::decision::Decision;
use crate::judge::request::Request;
use crate::judge::set::{PolicySet, ResourceQuery, StatementRef};
use crate::judge::verdict::{Grounds, LayerKind};
use crate::language::attributes::{RequiredAttributes, Targets};
use crate::language::condition::Condition;
use crate::language::effect::{Applies, Effect};
use crate::language::mismatch::Mismatch;

/// Of how many the first in the order of documents is named: a caller who is refused decides how often this runs.
const MOST: usize = 16;

/// A Deny of which it is not known whether it applies.
#[derive(Clone, Copy, Debug)]
pub struct PossibleDeny<'a> {
    pub layer: LayerKind,
    pub at: StatementRef<'a>,
    /// What is not known: [`Mismatch::is_unknown`].
    pub mismatch: Mismatch,
    pub(crate) targets: Targets,
}

impl<'a> PossibleDeny<'a> {
    /// Whether what is not known is what the call names.
    pub(crate) fn is_unplaced(&self) -> bool {
        let of_resource = match self.mismatch {
            Mismatch::Condition { index, .. } => self
                .at
                .statement
                .conditions()
                .get(index)
                .is_some_and(|condition| RequiredAttributes::of_key(condition.key()).any()),
            mismatch => mismatch.is_unknown(),
        };
        of_resource && self.targets == Targets::Unknown
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
    pub fn possible_deny<'a>(&'a self, request: &Request<'a>, number: usize) -> Option<PossibleDeny<'a>> {
        let Grounds::Unknown(layer) = self.judged.get(number)?.grounds else { return None };
        let resource = request.resource(number)?;
        let attributes = request.attributes_of(number);
        let session = request.session_policy.map(|set| (LayerKind::Session, None, set));
        let sets = self.layers.sets().chain(session).filter(|(kind, ..)| *kind == layer);
        let possible_deny = |(kind, group, set): (LayerKind, Option<&'a str>, &'a PolicySet)| {
            let slot = set.action_slots().find(request.action);
            let query = ResourceQuery {
                action: request.action,
                slot,
                resource,
                fields: resource.fields(),
                attributes: &attributes,
            };
            let acts = group.map_or(Applies::Yes, |group| attributes.acts_in(group, Effect::Deny));
            let at = match acts {
                Applies::No => None,
                Applies::Unknown => set.may_apply(Effect::Deny, &query, MOST),
                Applies::Yes => set.unknown(Effect::Deny, &query, MOST),
            }?;
            let of_group = (acts == Applies::Unknown).then_some(Mismatch::ResourceGroupUnknown);
            let mismatch = of_group.or_else(|| at.statement.mismatch(request.action, resource, &attributes))?;
            Some(PossibleDeny { layer: kind, at, mismatch, targets: request.targets_of(number) })
        };
        sets.map(|(kind, group, set)| (kind, group, &**set)).find_map(possible_deny)
    }
}
