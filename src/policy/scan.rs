//! Judging without the index: a look at each statement that could matter.

use super::effect::Effect;
use super::index::At;
use super::request::Naming;
use super::set::{Asked, PolicySet};
use super::verdict::Applies;

impl PolicySet {
    /// Without the index: the statements of this effect that could apply, and whether they do. Of a call of which only
    /// the name is known, a narrow Deny on an action without a lane is left to [`PolicySet::doubtful`].
    pub(super) fn scan(&self, effect: Effect, asked: &Asked<'_>) -> impl Iterator<Item = (At, Applies)> {
        let by_name = asked.lane.is_none() && asked.facts.naming() == Naming::Untold;
        let named = by_name.then(|| self.untold.everywhere(effect, asked.action));
        let each = (!by_name).then(|| self.places().filter(move |at| self.at(*at).statement.effect == effect));
        let found = named.into_iter().flatten().chain(each.into_iter().flatten());
        found.map(|at| (at, Applies::of(self.at(at).statement.mismatch(asked.action, asked.resource, asked.facts))))
    }

    /// Statements that take away what others allow if the call is about what they name: of a call of which only the
    /// name is known, that cannot be told, and none of them is certain.
    pub(super) fn doubtful(&self, effect: Effect, asked: &Asked<'_>) -> impl Iterator<Item = (At, Applies)> {
        let untold = effect == Effect::Deny && asked.facts.naming() == Naming::Untold;
        let named = (untold && asked.lane.is_none())
            .then(|| self.untold.everywhere(Effect::Allow, asked.action).chain(self.untold.somewhere(asked.action)));
        let each = (untold && asked.lane.is_some())
            .then(|| self.places().filter(|at| self.at(*at).statement.effect == Effect::Allow));
        let found = named.into_iter().flatten().chain(each.into_iter().flatten());
        found.map(|at| {
            let statement = self.at(at).statement;
            let mismatch = statement.mismatch(asked.action, asked.resource, asked.facts);
            (at, statement.denies(mismatch, Naming::Untold))
        })
    }

    /// Of every statement, in the order of documents.
    fn places(&self) -> impl Iterator<Item = At> {
        self.documents().iter().zip(0..).flat_map(|(document, number)| {
            document.statements().iter().map(move |statement| At { document: number, statement: statement.index })
        })
    }
}
