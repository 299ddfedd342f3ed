//! The statements that a verdict rests on, and the Deny that cannot be ruled out if a refusal rests on one.
//!
//! Both are found by the index, because an audit log names them for every call.

use crate::judge::evaluate::Decision;
use crate::judge::request::Request;
use crate::judge::set::{PolicySet, ResourceQuery, StatementRef};
use crate::judge::verdict::{Grounds, Judged, LayerKind, Verdict};
use crate::language::attributes::{RequiredAttributes, Targets};
use crate::language::condition::Condition;
use crate::language::effect::{Applies, Effect, Mismatch};

impl Decision {
    /// The statements that the verdict on the resource with this index rests on, with their layers.
    ///
    /// For an allow, these are the statements that allow in any layer; for an explicit deny, the ones that deny in the
    /// layer that refuses. An implicit deny rests on no statement. `request` must be the request that was evaluated.
    pub fn deciding<'a>(&'a self, request: &Request<'a>, at: usize) -> Vec<(LayerKind, StatementRef<'a>)> {
        self.deciding_at_most(request, at, usize::MAX)
    }

    /// Like [`Decision::deciding`], but at most `most` statements: the log line of a denied call must not grow with the
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

/// How many are collected at most, to name the first of them in the order of documents. Callers who are refused decide
/// how often this search runs.
const MOST: usize = 16;

/// A statement that may deny a request, because it depends on something that is not known.
///
/// It is a Deny, or, with [`Targets::Unknown`], an Allow that excludes resources by a tag or a group.
#[derive(Clone, Copy, Debug)]
pub struct PossibleDeny<'a> {
    /// The layer of the statement.
    pub layer: LayerKind,
    /// The statement.
    pub at: StatementRef<'a>,
    /// What is not known; [`Mismatch::is_unknown`] holds for it.
    pub mismatch: Mismatch,
    pub(crate) targets: Targets,
}

impl<'a> PossibleDeny<'a> {
    /// Whether the statement depends on which resources the call names, and that is not known.
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

    /// The unknown condition key in the spelling of the document; `None` if the resource or its group is not known.
    pub fn key(&self) -> Option<&'a str> {
        let Mismatch::Condition { index, .. } = self.mismatch else { return None };
        self.at.statement.conditions().get(index).map(Condition::written_key)
    }
}

impl Decision {
    /// The statement that may deny the resource with this index; `None` unless the grounds of its verdict are
    /// [`Grounds::Unknown`]. `request` must be the request that was evaluated.
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
