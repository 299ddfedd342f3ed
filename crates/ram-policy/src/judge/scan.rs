//! Judging without the index by resource, by examining each statement that could matter.

use crate::judge::index::At;
use crate::judge::set::{PolicySet, ResourceQuery};
use crate::language::attributes::Targets;
use crate::language::effect::{Applies, Effect};

impl PolicySet {
    /// The statements of this effect that could apply, and whether they do. For a call of which only the name is known
    /// and whose action has no slot, Denies on some resources are left to [`PolicySet::doubtful`].
    pub(crate) fn scan(&self, effect: Effect, query: &ResourceQuery<'_>) -> impl Iterator<Item = (At, Applies)> {
        let by_name = query.slot.is_none() && query.attributes.targets() == Targets::Unknown;
        let named = by_name.then(|| self.name_index.everywhere(effect, query.action));
        let each = (!by_name).then(|| self.places().filter(move |at| self.at(*at).statement.effect == effect));
        let found = named.into_iter().flatten().chain(each.into_iter().flatten());
        found
            .map(|at| (at, Applies::of(self.at(at).statement.mismatch(query.action, query.resource, query.attributes))))
    }

    /// For a call of which only the name is known, statements that would deny it if it names certain resources, and
    /// whether they may. None of them is certain to.
    pub(crate) fn doubtful(&self, effect: Effect, query: &ResourceQuery<'_>) -> impl Iterator<Item = (At, Applies)> {
        let name_index = effect == Effect::Deny && query.attributes.targets() == Targets::Unknown;
        let named = (name_index && query.slot.is_none()).then(|| {
            self.name_index.everywhere(Effect::Allow, query.action).chain(self.name_index.somewhere(query.action))
        });
        let each = (name_index && query.slot.is_some())
            .then(|| self.places().filter(|at| self.at(*at).statement.effect == Effect::Allow));
        let found = named.into_iter().flatten().chain(each.into_iter().flatten());
        found.map(|at| {
            let statement = self.at(at).statement;
            let mismatch = statement.mismatch(query.action, query.resource, query.attributes);
            (at, statement.denies(mismatch, Targets::Unknown))
        })
    }

    /// The places of all statements, in the order of documents.
    fn places(&self) -> impl Iterator<Item = At> {
        self.documents().iter().zip(0..).flat_map(|(document, number)| {
            document.statements().iter().map(move |statement| At { document: number, statement: statement.index })
        })
    }
}
