//! A search for the entry of the index that came closest to matching, within a search budget.
//!
//! The path that spells the resource's id is walked once. Entries on it whose resource matches failed on a condition,
//! so they came closest. Otherwise the entries below the deepest node share the longest prefix with the id, then those
//! below its parent, and so on up to the root. Each of these groups shares a prefix of one length, and the search ends
//! with the first group that contains a pattern of the right type.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use crate::judge::nearness::{Examined, Nearness, SearchBudget};
use crate::language::effect::{Effect, Mismatch};

use super::{At, Entry, Index, Lookup, Node, Rest};

/// The closest entry found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) at: At,
    pub(crate) nearness: Nearness,
}

struct Search<'i, 's> {
    index: &'i Index,
    lookup: &'s Lookup<'s>,
    budget: &'s mut SearchBudget,
    best: Option<Found>,
}

/// A node on the path, and how many bytes of the id are spelled up to it.
type Step<'i> = (&'i Node, usize);

/// The longest common prefix of a group of patterns and the id.
#[derive(Clone, Copy)]
struct Shared {
    bytes: usize,
    /// The next byte of the patterns; `None` if their literal prefix ends there.
    next: Option<u8>,
}

impl Index {
    /// The entry of this effect that came closest to applying, of those that select the action. `unmet` returns the
    /// condition of a statement that does not hold. `budget` records whether it ran out before the answer was certain.
    pub(crate) fn nearest(
        &self,
        effect: Effect,
        lookup: &Lookup<'_>,
        budget: &mut SearchBudget,
        unmet: impl Fn(At) -> Option<Mismatch>,
    ) -> Option<Found> {
        let id = lookup.relative().as_bytes();
        let (path, beside) = self.path(effect, id);
        let mut search = Search { index: self, lookup, budget, best: None };
        let _ = search.along(&path, unmet).is_continue() && search.beside(&path, beside, id).is_continue();
        search.best
    }

    /// The path that spells the id, and the child at its end whose label shares a part of the next bytes, with the
    /// number of bytes of the id that are spelled up to there.
    fn path(&self, effect: Effect, id: &[u8]) -> (SmallVec<[Step<'_>; 8]>, Option<Step<'_>>) {
        let (mut path, mut left, mut node) = (SmallVec::new(), id, self.root(effect));
        loop {
            let depth = id.len() - left.len();
            path.push((node, depth));
            let Some(next) = left.first().and_then(|byte| self.child(node, *byte)) else { return (path, None) };
            let label = self.label(next);
            let Some(rest) = left.strip_prefix(label) else {
                let shared = label.iter().zip(left).take_while(|(a, b)| a == b).count();
                return (path, Some((next, depth + shared)));
            };
            (node, left) = (next, rest);
        }
    }

    fn children(&self, node: &Node) -> &[Node] {
        &self.nodes[node.first_child as usize..][..usize::from(node.children)]
    }
}

impl<'i> Search<'i, '_> {
    /// Examines the entries on the path, the most specific ones first.
    fn along(&mut self, path: &[Step<'i>], unmet: impl Fn(At) -> Option<Mismatch>) -> ControlFlow<()> {
        let id = self.lookup.relative().as_bytes();
        for (node, depth) in path.iter().rev() {
            self.entries(node, |search, entry| {
                if !entry.matches(search.lookup, &id[*depth..]) {
                    search.miss(entry, Shared { bytes: *depth, next: None });
                    return ControlFlow::Continue(());
                }
                search.budget.take_condition()?;
                if let Some(mismatch) = unmet(entry.at) {
                    search.take(Found { at: entry.at, nearness: Nearness { mismatch, shared: 0 } });
                }
                ControlFlow::Continue(())
            })?;
        }
        ControlFlow::Continue(())
    }

    /// Examines the subtrees beside the path, from its end upwards, until nothing further up can be closer.
    fn beside(&mut self, path: &[Step<'i>], partly: Option<Step<'i>>, id: &[u8]) -> ControlFlow<()> {
        let end = path.last().map_or(0, |(_, depth)| *depth);
        if let Some((node, bytes)) = partly
            && !self.is_settled(bytes)
        {
            let next = self.index.label(node).get(bytes - end).copied();
            self.group(node, Shared { bytes, next })?;
        }
        for (node, depth) in path.iter().rev() {
            if self.is_settled(*depth) {
                break;
            }
            let taken = if *depth < end || partly.is_some() { id.get(*depth) } else { None };
            for child in self.index.children(node).iter().filter(|child| Some(&child.first_byte) != taken) {
                self.group(child, Shared { bytes: *depth, next: Some(child.first_byte) })?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether the best entry is closer than any that shares only this many bytes with the id. An equally close one
    /// does not count, because it may come earlier in the documents.
    fn is_settled(&self, shared: usize) -> bool {
        self.best.is_some_and(|best| best.nearness > Nearness::of_id(shared))
    }

    /// Whether the best entry is at least as close as any that shares only this many bytes with the id.
    fn has(&self, shared: usize) -> bool {
        self.best.is_some_and(|best| best.nearness >= Nearness::of_id(shared))
    }

    /// Examines all entries of a subtree, whose patterns share the same bytes with the id.
    fn group(&mut self, root: &'i Node, shared: Shared) -> ControlFlow<()> {
        let mut waiting: SmallVec<[&'i Node; 16]> = SmallVec::new();
        waiting.push(root);
        let mut outcome = ControlFlow::Continue(());
        while let Some(node) = waiting.pop() {
            let here = self.entries(node, |search, entry| {
                search.miss(entry, shared);
                ControlFlow::Continue(())
            });
            if here.is_break() {
                outcome = here;
                break;
            }
            let children = self.index.children(node);
            // No more nodes than the budget can still examine.
            let room = children.len().min(self.budget.left().saturating_sub(waiting.len()));
            waiting.extend(children[..room].iter().rev());
            if room < children.len() {
                outcome = ControlFlow::Break(());
            }
        }
        if outcome.is_break() {
            self.budget.ran_out(if self.has(shared.bytes) { Examined::Enough } else { Examined::TooFew });
        }
        outcome
    }

    /// Passes the entries of a node that select the action to `show`.
    fn entries(
        &mut self,
        node: &'i Node,
        mut show: impl FnMut(&mut Self, &'i Entry) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let index = self.index;
        self.budget.take()?;
        for run in &index.runs[node.first_run as usize..][..node.runs as usize] {
            self.budget.take()?;
            if !run.slots.has(self.lookup.slot) {
                continue;
            }
            for entry in &index.entries[run.first as usize..][..run.entries as usize] {
                self.budget.take()?;
                show(self, entry)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Considers an entry whose resource does not match.
    fn miss(&mut self, entry: &Entry, shared: Shared) {
        if let Some(mismatch) = entry.mismatch(self.lookup, shared) {
            self.take(Found { at: entry.at, nearness: Nearness { mismatch, shared: shared.bytes } });
        }
    }

    /// Keeps the entry if it is closer than the best one, or equally close and earlier in the documents.
    fn take(&mut self, found: Found) {
        let key = |found: &Found| (found.nearness, std::cmp::Reverse(found.at));
        if self.best.is_none_or(|best| key(&found) > key(&best)) {
            self.best = Some(found);
        }
    }
}

impl Entry {
    /// The first field that does not match, as [`ArnPattern::mismatch`](crate::ArnPattern::mismatch) would return it
    /// for a pattern that shares these bytes with the id.
    fn mismatch(&self, lookup: &Lookup<'_>, shared: Shared) -> Option<Mismatch> {
        if let (Rest::Pattern(resources, at), None) = (&self.rest, shared.next) {
            return resources.0[*at as usize].mismatch(lookup.resource);
        }
        let head = self.head.as_ref()?;
        let Some(fields) = lookup.fields else {
            return Some(head.narrowest().unwrap_or(Mismatch::ResourceType));
        };
        let type_ends = fields.relative.find('/').unwrap_or(fields.relative.len());
        let names_type =
            shared.bytes > type_ends || shared.bytes == type_ends && shared.next.is_none_or(|next| next == b'/');
        let of_id = if names_type { Mismatch::ResourceId } else { Mismatch::ResourceType };
        Some(head.mismatch(fields).unwrap_or(of_id))
    }
}
