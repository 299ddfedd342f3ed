//! Which Allow statement came nearest to applying, found for a denial at a bounded cost.
//!
//! A caller who is denied decides how often this runs, so it must not grow with the number of statements. It examines
//! no more than a [`SearchBudget`] allows, and the answer says when that was too little to be certain.

use crate::judge::decision::Decision;
use crate::judge::nearness::{Examined, Nearness, SearchBudget};
use crate::judge::request::Request;
use crate::judge::set::{PolicySet, ResourceQuery, StatementRef};
use crate::judge::verdict::{Judged, LayerKind};
use crate::language::attributes::Targets;
use crate::language::effect::{Applies, Effect};
use crate::language::mismatch::Mismatch;

/// The statement that came nearest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nearest<'a> {
    pub(crate) at: StatementRef<'a>,
    pub(crate) mismatch: Mismatch,
    pub(crate) examined: Examined,
}

impl Decision {
    /// The Allow statement of the refusing layer that came nearest to applying to the resource with this number. The
    /// request must be the one that was judged.
    pub(crate) fn nearest_miss<'a>(&'a self, request: &Request<'a>, at: usize, judged: Judged) -> Option<Nearest<'a>> {
        let resource = request.resource(at)?;
        let attributes = request.attributes_of(at);
        let ask = |set: &PolicySet| ResourceQuery {
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
                // Without an allow at account scope, one for a resource group would do.
                LayerKind::AccountIdentity => *of >= kind,
                // A level that allows is not what refuses.
                _ => *of == kind && set.applies(Effect::Allow, &ask(set)) != Applies::Yes,
            })
            .collect();
        let count = sets.len();
        let mut nearest: Option<(Nearness, Nearest<'a>)> = None;
        for (_, group, set) in sets {
            let set: &'a PolicySet = set;
            let found = match group.map_or(Applies::Yes, |group| attributes.acts_in(group, Effect::Allow)) {
                Applies::Yes => set.nearest_allow(&ask(set), SearchBudget::share(count)),
                Applies::Unknown => match set.may_apply(Effect::Allow, &ask(set), SearchBudget::FEWEST) {
                    Some(at) => Some(Nearest::certain(at, Mismatch::ResourceGroupUnknown)),
                    None => set.nearest_allow(&ask(set), SearchBudget::share(count)),
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
    /// A statement that fails a check before its resources are looked at.
    fn certain(at: StatementRef<'a>, mismatch: Mismatch) -> (Nearness, Self) {
        (Nearness { mismatch, shared: 0 }, Self { at, mismatch, examined: Examined::Enough })
    }
}

impl PolicySet {
    /// The Allow statement of the set that came nearest to applying.
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
            // Nothing that was looked at selects the action.
            None => self.first_allow().map(|at| {
                let (nearness, nearest) = Nearest::certain(at, Mismatch::Action);
                (nearness, Nearest { examined: budget.examined(), ..nearest })
            }),
        }
    }

    /// SearchBudget at statements in their order, for an action that the index does not have.
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
