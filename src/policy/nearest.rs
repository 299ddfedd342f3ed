//! Which Allow statement came nearest to applying, found for a denial at a bounded cost.
//!
//! A caller who is denied decides how often this runs, so it must not grow with the number of statements. It looks at
//! no more than [`Looks`] allows, and its answer says when that was too little to be certain.

use std::ops::ControlFlow;

use crate::ram::Resource;

use super::decision::{Decision, Judged};
use super::effect::Effect;
use super::layer::LayerKind;
use super::mismatch::Mismatch;
use super::pattern::{ArnPattern, all_under};
use super::request::{Naming, Request};
use super::set::{Asked, PolicySet, StatementRef};
use super::statement::Statement;
use super::verdict::Applies;

/// How near a statement came to applying: first by the check that failed, then by how much of the resource's id it
/// has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nearness {
    pub(super) mismatch: Mismatch,
    pub(super) shared: usize,
}

/// The statement that came nearest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nearest<'a> {
    pub(super) at: StatementRef<'a>,
    pub(super) mismatch: Mismatch,
    pub(super) examined: Examined,
}

/// Whether a statement that was not examined could have come nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Examined {
    Enough,
    TooFew,
}

/// How much a search may still look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    left: usize,
    /// Statements whose conditions may still be evaluated: the dearest kind of look.
    conditions: usize,
    examined: Examined,
}

impl Nearness {
    /// Of a statement that fails this check.
    pub(super) fn new(statement: &Statement, resource: &Resource<'_>, mismatch: Mismatch) -> Self {
        let by_resource = matches!(
            mismatch,
            Mismatch::Service | Mismatch::Region | Mismatch::Account | Mismatch::ResourceType | Mismatch::ResourceId
        );
        let patterns = statement.resources().iter().filter(|it| by_resource && it.mismatch(resource) == Some(mismatch));
        Self { mismatch, shared: patterns.map(|pattern| shared(pattern, resource)).max().unwrap_or_default() }
    }

    /// Of a pattern that differs from the resource in its id alone, after so many bytes.
    pub(super) fn of_id(shared: usize) -> Self {
        Self { mismatch: Mismatch::ResourceId, shared }
    }
}

/// How many bytes of the resource's id a pattern begins with.
fn shared(pattern: &ArnPattern, resource: &Resource<'_>) -> usize {
    let Some(fields) = resource.fields() else { return 0 };
    let id = all_under(resource, fields).unwrap_or(fields.relative);
    let prefix = pattern.relative().literal_prefix().bytes();
    prefix.zip(id.bytes()).take_while(|(a, b)| a == b).count()
}

impl Looks {
    /// At nodes, runs and entries of an index, or at patterns of statements.
    const MOST: usize = 256;
    const MOST_CONDITIONS: usize = 64;
    /// Of one set, however many there are: deciding looks at each of them too.
    const FEWEST: usize = 16;

    /// The share of one of so many sets.
    pub(super) fn share(sets: usize) -> Self {
        let of = |most: usize| (most / sets.max(1)).max(Self::FEWEST);
        Self { left: of(Self::MOST), conditions: of(Self::MOST_CONDITIONS), examined: Examined::Enough }
    }

    pub(super) fn take(&mut self) -> ControlFlow<()> {
        self.take_many(1)
    }

    pub(super) fn take_many(&mut self, looks: usize) -> ControlFlow<()> {
        match self.left.checked_sub(looks) {
            Some(left) => {
                self.left = left;
                ControlFlow::Continue(())
            }
            None => {
                self.ran_out(Examined::TooFew);
                ControlFlow::Break(())
            }
        }
    }

    pub(super) fn take_condition(&mut self) -> ControlFlow<()> {
        match self.conditions.checked_sub(1) {
            Some(left) => {
                self.conditions = left;
                ControlFlow::Continue(())
            }
            None => {
                self.ran_out(Examined::TooFew);
                ControlFlow::Break(())
            }
        }
    }

    /// How many looks are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The search ends before everything was looked at.
    pub(super) fn ran_out(&mut self, examined: Examined) {
        self.examined = examined;
    }

    pub(super) fn examined(&self) -> Examined {
        self.examined
    }
}

impl Decision {
    /// The Allow statement of the refusing layer that came nearest to applying to the resource with this number. The
    /// request must be the one that was judged.
    pub(super) fn nearest_miss<'a>(&'a self, request: &Request<'a>, at: usize, judged: Judged) -> Option<Nearest<'a>> {
        let resource = request.resources.get(at)?;
        let facts = request.facts_of(at);
        let ask = |set: &PolicySet| Asked {
            action: request.action,
            lane: set.lanes().find(request.action),
            resource,
            fields: resource.fields(),
            facts: &facts,
        };
        let kind = judged.grounds.layer();
        let session = request.session.map(|set| (LayerKind::Session, None, set));
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
            let found = match group.map_or(Applies::Yes, |group| facts.acts_in(group, Effect::Allow)) {
                Applies::Yes => set.nearest_allow(&ask(set), Looks::share(count)),
                Applies::Unknown => match set.may_apply(Effect::Allow, &ask(set), Looks::FEWEST) {
                    Some(at) => Some(Nearest::certain(at, Mismatch::ResourceGroupUnknown)),
                    None => set.nearest_allow(&ask(set), Looks::share(count)),
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
    fn nearest_allow<'a>(&'a self, asked: &Asked<'_>, mut looks: Looks) -> Option<(Nearness, Nearest<'a>)> {
        let lane = asked.lane.filter(|_| asked.facts.naming() == Naming::Told);
        let found = match lane {
            Some(_) => self.nearest_by_index(asked, &mut looks),
            None => self.nearest_by_scan(asked, &mut looks),
        };
        match found {
            Some((at, nearness)) => {
                let nearest = Nearest { at, mismatch: nearness.mismatch, examined: looks.examined() };
                Some((nearness, nearest))
            }
            // Nothing that was looked at selects the action.
            None => self.first_allow().map(|at| {
                let (nearness, nearest) = Nearest::certain(at, Mismatch::Action);
                (nearness, Nearest { examined: looks.examined(), ..nearest })
            }),
        }
    }

    /// Looks at statements in their order, for an action that the index does not have.
    fn nearest_by_scan<'a>(&'a self, asked: &Asked<'_>, looks: &mut Looks) -> Option<(StatementRef<'a>, Nearness)> {
        let mut best: Option<(StatementRef<'a>, Nearness)> = None;
        for at in self.statements() {
            let statement = at.statement;
            if looks.take_many(1 + statement.resources().len()).is_break() {
                break;
            }
            if statement.effect() != Effect::Allow || !statement.actions().select(asked.action) {
                continue;
            }
            if looks.take_condition().is_break() {
                break;
            }
            let mismatch = statement.mismatch(asked.action, asked.resource, asked.facts);
            let Some(nearness) = mismatch.map(|it| Nearness::new(statement, asked.resource, it)) else { continue };
            if best.is_none_or(|(_, best)| nearness > best) {
                best = Some((at, nearness));
            }
        }
        best
    }
}
