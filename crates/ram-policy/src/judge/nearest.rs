//! The Allow that came closest to applying, found for a denial at a bounded cost.
//!
//! Callers who are denied decide how often this search runs, so its cost must not grow with the number of statements.
//! It examines no more than a [`SearchBudget`] allows, and its result records when that was not enough to be certain.

use crate::judge::evaluate::Decision;
use crate::judge::nearness::{Examined, Nearness, SearchBudget};
use crate::judge::request::Request;
use crate::judge::set::{PolicySet, ResourceQuery, StatementRef};
use crate::judge::verdict::{Judged, LayerKind};
use crate::language::attributes::Targets;
use crate::language::effect::{Applies, Effect, Mismatch};

/// The statement that came closest to applying.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nearest<'a> {
    pub(crate) at: StatementRef<'a>,
    pub(crate) mismatch: Mismatch,
    pub(crate) examined: Examined,
}

impl Decision {
    /// The Allow statement of the refusing layer that came closest to applying to the resource with this index.
    /// `request` must be the request that was evaluated.
    pub(crate) fn nearest_miss<'a>(&'a self, request: &Request<'a>, at: usize, judged: Judged) -> Option<Nearest<'a>> {
        let resource = request.resource(at)?;
        let attributes = request.attributes_of(at);
        let query = |set: &PolicySet| ResourceQuery {
            action: request.action,
            slot: set.action_slots().find(request.action),
            resource,
            fields: resource.fields(),
            attributes: &attributes,
        };
        let kind = judged.grounds.layer();
        let session = request.session_policy.map(|set| (LayerKind::Session, None, set));
        let sets: Vec<_> = self
            .layers
            .sets()
            .chain(session)
            .filter(|(of, _, set)| match kind {
                // Without an Allow at account scope, one for a resource group would be enough.
                LayerKind::AccountIdentity => *of >= kind,
                // A level that allows does not refuse.
                _ => *of == kind && set.applies(Effect::Allow, &query(set)) != Applies::Yes,
            })
            .collect();
        let count = sets.len();
        let mut nearest: Option<(Nearness, Nearest<'a>)> = None;
        for (_, group, set) in sets {
            let set: &'a PolicySet = set;
            let found = match group.map_or(Applies::Yes, |group| attributes.acts_in(group, Effect::Allow)) {
                Applies::Yes => set.nearest_allow(&query(set), SearchBudget::share(count)),
                Applies::Unknown => match set.may_apply(Effect::Allow, &query(set), SearchBudget::FEWEST) {
                    Some(at) => Some(Nearest::certain(at, Mismatch::ResourceGroupUnknown)),
                    None => set.nearest_allow(&query(set), SearchBudget::share(count)),
                },
                Applies::No => set.first_allow().map(|at| Nearest::certain(at, Mismatch::ResourceGroup)),
            };
            if let Some(found) = found
                && nearest.as_ref().is_none_or(|best| found.0 > best.0)
            {
                nearest = Some(found);
            }
        }
        nearest.map(|(_, nearest)| nearest)
    }
}

impl<'a> Nearest<'a> {
    /// A statement that fails a check that comes before its resources.
    fn certain(at: StatementRef<'a>, mismatch: Mismatch) -> (Nearness, Self) {
        (Nearness { mismatch, shared: 0 }, Self { at, mismatch, examined: Examined::Enough })
    }
}

impl PolicySet {
    /// The Allow statement of the set that came closest to applying.
    fn nearest_allow<'a>(
        &'a self,
        query: &ResourceQuery<'_>,
        mut budget: SearchBudget,
    ) -> Option<(Nearness, Nearest<'a>)> {
        let slot = query.slot.filter(|_| query.attributes.targets() == Targets::Known);
        let found = match slot {
            Some(_) => self.nearest_by_index(query, &mut budget),
            None => self.nearest_by_scan(query, &mut budget),
        };
        match found {
            Some((at, nearness)) => {
                let nearest = Nearest { at, mismatch: nearness.mismatch, examined: budget.examined() };
                Some((nearness, nearest))
            }
            // No statement that was examined selects the action.
            None => self.first_allow().map(|at| {
                let (nearness, nearest) = Nearest::certain(at, Mismatch::Action);
                (nearness, Nearest { examined: budget.examined(), ..nearest })
            }),
        }
    }

    /// Examines the statements in their order, for an action without a slot in the index.
    fn nearest_by_scan<'a>(
        &'a self,
        query: &ResourceQuery<'_>,
        budget: &mut SearchBudget,
    ) -> Option<(StatementRef<'a>, Nearness)> {
        let mut best: Option<(StatementRef<'a>, Nearness)> = None;
        for at in self.statements() {
            let statement = at.statement;
            if budget.take_many(1 + statement.resources().len()).is_break() {
                break;
            }
            if statement.effect() != Effect::Allow || !statement.actions().select(query.action) {
                continue;
            }
            if budget.take_condition().is_break() {
                break;
            }
            let mismatch = statement.mismatch(query.action, query.resource, query.attributes);
            let Some(nearness) = mismatch.map(|it| Nearness::new(statement, query.resource, it)) else { continue };
            if best.is_none_or(|(_, best)| nearness > best) {
                best = Some((at, nearness));
            }
        }
        best
    }
}
