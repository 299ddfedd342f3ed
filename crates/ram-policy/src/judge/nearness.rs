//! How close a statement came to applying, and the budget of a search for the closest one.

use std::ops::ControlFlow;

use crate::language::effect::Mismatch;
use crate::language::pattern::{ArnPattern, all_under};
use crate::language::statement::Statement;
use crate::name::arn::Resource;

/// How close a statement came to applying: first by the check that failed, then by the length in bytes of the prefix
/// that it shares with the resource's relative id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nearness {
    pub(crate) mismatch: Mismatch,
    pub(crate) shared: usize,
}

/// Whether enough statements were examined to be certain of the closest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examined {
    Enough,
    /// A statement that was not examined could have come closer.
    TooFew,
}

/// How much a search may still examine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchBudget {
    left: usize,
    /// How many statements may still have their conditions evaluated, which is the most expensive step.
    conditions: usize,
    examined: Examined,
}

impl Nearness {
    /// The nearness of a statement that fails this check.
    pub(crate) fn new(statement: &Statement, resource: &Resource<'_>, mismatch: Mismatch) -> Self {
        let by_resource = matches!(
            mismatch,
            Mismatch::Service | Mismatch::Region | Mismatch::Account | Mismatch::ResourceType | Mismatch::ResourceId
        );
        let patterns = statement.resources().iter().filter(|it| by_resource && it.mismatch(resource) == Some(mismatch));
        Self { mismatch, shared: patterns.map(|pattern| shared(pattern, resource)).max().unwrap_or_default() }
    }

    /// The nearness of a pattern that differs from the resource only in its id, after this many bytes.
    pub(crate) fn of_id(shared: usize) -> Self {
        Self { mismatch: Mismatch::ResourceId, shared }
    }
}

/// How many bytes of the resource's relative id a pattern begins with.
fn shared(pattern: &ArnPattern, resource: &Resource<'_>) -> usize {
    let Some(fields) = resource.fields() else { return 0 };
    let id = all_under(resource, fields).unwrap_or(fields.relative);
    let prefix = pattern.relative().literal_prefix().bytes();
    prefix.zip(id.bytes()).take_while(|(a, b)| a == b).count()
}

impl SearchBudget {
    /// Nodes, runs and entries of an index, or statements and their patterns.
    const MOST: usize = 256;
    const MOST_CONDITIONS: usize = 64;
    /// The minimum for one set. It does not shrink with the number of sets, because a decision examines every set
    /// anyway.
    pub(crate) const FEWEST: usize = 16;

    /// The budget for one of this many sets.
    pub(crate) fn share(sets: usize) -> Self {
        let of = |most: usize| (most / sets.max(1)).max(Self::FEWEST);
        Self { left: of(Self::MOST), conditions: of(Self::MOST_CONDITIONS), examined: Examined::Enough }
    }

    pub(crate) fn take(&mut self) -> ControlFlow<()> {
        self.take_many(1)
    }

    pub(crate) fn take_many(&mut self, count: usize) -> ControlFlow<()> {
        match self.left.checked_sub(count) {
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

    /// How many nodes, runs, entries or patterns may still be examined.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Records that the search ends before everything was examined.
    pub(crate) fn ran_out(&mut self, examined: Examined) {
        self.examined = examined;
    }

    pub(crate) fn examined(&self) -> Examined {
        self.examined
    }
}
