//! How near a statement came to applying, and how much a search for the nearest may look at.

use std::ops::ControlFlow;

use crate::language::mismatch::Mismatch;
use crate::language::pattern::{ArnPattern, all_under};
use crate::language::statement::Statement;
use crate::name::arn::Resource;

/// How near a statement came to applying: first by the check that failed, then by how much of the resource's id it
/// has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nearness {
    pub(crate) mismatch: Mismatch,
    pub(crate) shared: usize,
}

/// Whether a statement that was not examined could have come nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examined {
    Enough,
    TooFew,
}

/// How much a search may still look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchBudget {
    left: usize,
    /// Statements whose conditions may still be evaluated: the dearest kind of look.
    conditions: usize,
    examined: Examined,
}

impl Nearness {
    /// Of a statement that fails this check.
    pub(crate) fn new(statement: &Statement, resource: &Resource<'_>, mismatch: Mismatch) -> Self {
        let by_resource = matches!(
            mismatch,
            Mismatch::Service | Mismatch::Region | Mismatch::Account | Mismatch::ResourceType | Mismatch::ResourceId
        );
        let patterns = statement.resources().iter().filter(|it| by_resource && it.mismatch(resource) == Some(mismatch));
        Self { mismatch, shared: patterns.map(|pattern| shared(pattern, resource)).max().unwrap_or_default() }
    }

    /// Of a pattern that differs from the resource in its id alone, after so many bytes.
    pub(crate) fn of_id(shared: usize) -> Self {
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

impl SearchBudget {
    /// At nodes, runs and entries of an index, or at patterns of statements.
    const MOST: usize = 256;
    const MOST_CONDITIONS: usize = 64;
    /// The least for one set, however many there are: a decision examines each of them too.
    pub(crate) const FEWEST: usize = 16;

    /// The share of one of so many sets.
    pub(crate) fn share(sets: usize) -> Self {
        let of = |most: usize| (most / sets.max(1)).max(Self::FEWEST);
        Self { left: of(Self::MOST), conditions: of(Self::MOST_CONDITIONS), examined: Examined::Enough }
    }

    pub(crate) fn take(&mut self) -> ControlFlow<()> {
        self.take_many(1)
    }

    pub(crate) fn take_many(&mut self, budget: usize) -> ControlFlow<()> {
        match self.left.checked_sub(budget) {
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

    pub(crate) fn take_condition(&mut self) -> ControlFlow<()> {
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

    /// How many statements may still be examined.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// The search ends before everything was looked at.
    pub(crate) fn ran_out(&mut self, examined: Examined) {
        self.examined = examined;
    }

    pub(crate) fn examined(&self) -> Examined {
        self.examined
    }
}
