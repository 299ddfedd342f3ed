//! An index of the statements of a set by resource: finds those that could apply without examining the others.
//!
//! Nearly every pattern of a policy begins with a literal prefix of a relative id: `instance/i-prod-*`, `eni/eni-1`,
//! `eni/*`. So the patterns of a set are kept in a radix tree of their prefixes (the part before the first wildcard).
//! The patterns that could match `instance/i-prod-7` are on the one path from the root that spells it, and the number
//! of other patterns does not matter. A lone `*` is at the root.
//!
//! ```text
//!                      ""  ── *
//!            ┌─────────┴─────────┐
//!         "eni/" ── eni/*     "instance/i-"
//!            │             ┌─────┴──────┐
//!         "eni-1"        "dev-"       "prod-" ── instance/i-prod-*
//! ```
//!
//! Denies and Allows have separate trees, because a single Deny decides. The entries of a node are sorted by the
//! actions that they select (the [`ActionSlotSet`]) and grouped into runs, so that all statements about other actions
//! are skipped in one step per run. Statements that select no action with a slot are not in the index; for an action
//! without a slot, every statement is examined instead.
//!
//! What remains to be checked for an entry are service, region and account (shared by most patterns, and so in the CPU
//! cache), the rest of a pattern with more than one wildcard, and the conditions. An entry carries these itself, so
//! that judging touches neither the document nor the statement. Everything is in four arrays and addressed by index:
//! there are no pointers to chase, and the index of each of ten thousand users takes little memory.
//!
//! Patterns that begin with a wildcard (`*-prod`), or that have the same prefix in several regions, are all at one node
//! and are checked one after the other.

mod nearest;

use std::sync::Arc;

use crate::judge::action_slot::{ActionSlot, ActionSlotSet};
use crate::language::attributes::Attributes;
use crate::language::effect::{Applies, Effect};
use crate::language::pattern::{Head, all_under};
use crate::language::statement::{Conditions, Resources, Statement};
use crate::name::arn::{Fields, Resource};

#[derive(Debug)]
pub(crate) struct Index {
    nodes: Box<[Node]>,
    runs: Box<[Run]>,
    entries: Box<[Entry]>,
    /// The concatenated labels of all nodes.
    labels: Box<[u8]>,
    /// The most entries on one path.
    max_examined: usize,
}

/// The place of a statement in a set: the index of the document, and the index of the statement in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) document: u32,
    pub(crate) statement: u32,
}

/// A node of a tree. The root of the Deny tree is node 0, that of the Allow tree node 1.
#[derive(Debug)]
struct Node {
    label: u32,
    label_length: u32,
    first_child: u32,
    /// How many children there are. They are sorted by the first byte of their labels.
    children: u16,
    first_byte: u8,
    first_run: u32,
    runs: u32,
}

/// Entries of one node that select the same actions.
#[derive(Debug)]
struct Run {
    slots: ActionSlotSet,
    first: u32,
    entries: u32,
}

/// One pattern of one statement.
#[derive(Debug)]
struct Entry {
    /// `None` for a lone `*`.
    head: Option<Arc<Head>>,
    rest: Rest,
    conditions: Option<Arc<Conditions>>,
    at: At,
}

/// What remains to be checked of the relative id after the literal prefix.
#[derive(Debug)]
enum Rest {
    /// Nothing, because the pattern continues with a single `*`.
    Anything,
    /// That the relative id ends there, as the pattern does.
    Nothing,
    /// The whole pattern, which has this index in the list.
    Pattern(Arc<Resources>, u32),
}

/// The query of a lookup in the index.
pub(crate) struct Lookup<'a> {
    pub(crate) slot: ActionSlot,
    pub(crate) resource: &'a Resource<'a>,
    /// The fields of `resource`.
    pub(crate) fields: Option<Fields<'a>>,
    pub(crate) attributes: &'a Attributes<'a>,
}

/// An entry that has not yet been placed at its node.
#[derive(Debug)]
struct Seed<'s> {
    prefix: &'s [u8],
    slots: ActionSlotSet,
    statement: &'s Statement,
    pattern: u32,
    at: At,
}

impl Index {
    /// The most entries that one walk examines, for any resource: a bound on its cost.
    pub(crate) fn max_examined(&self) -> usize {
        self.max_examined
    }

    /// Whether some statement of this effect applies.
    #[inline]
    pub(crate) fn applies(&self, effect: Effect, lookup: &Lookup<'_>) -> Applies {
        let mut found = Applies::No;
        self.walk(effect, lookup, |entry| {
            found = found.max(entry.applies(effect, lookup));
            if found == Applies::Yes { Walk::Stop } else { Walk::On }
        });
        found
    }

    /// The statements of this effect for which [`Entry::applies`] is `wanted`. The walk ends once `most` are found. A
    /// statement of which several patterns match may occur more than once.
    pub(crate) fn finding(&self, effect: Effect, lookup: &Lookup<'_>, wanted: Applies, most: usize) -> Vec<At> {
        let mut found = Vec::new();
        if most == 0 {
            return found;
        }
        self.walk(effect, lookup, |entry| {
            if entry.applies(effect, lookup) == wanted && found.last() != Some(&entry.at) {
                found.push(entry.at);
            }
            if found.len() < most { Walk::On } else { Walk::Stop }
        });
        found
    }

    /// Calls `each` for every statement of this effect whose action and resource match, once for each pattern that
    /// matches. Conditions are not tested.
    pub(crate) fn for_each_match(&self, effect: Effect, lookup: &Lookup<'_>, mut each: impl FnMut(At)) {
        self.walk(effect, lookup, |entry| {
            each(entry.at);
            Walk::On
        });
    }

    /// Passes every entry whose action and resource match to `show`, until it answers [`Walk::Stop`].
    fn walk(&self, effect: Effect, lookup: &Lookup<'_>, mut show: impl FnMut(&Entry) -> Walk) {
        let mut left = lookup.relative().as_bytes();
        let mut node = self.root(effect);
        loop {
            let runs = &self.runs[node.first_run as usize..][..node.runs as usize];
            for run in runs.iter().filter(|run| run.slots.has(lookup.slot)) {
                for entry in &self.entries[run.first as usize..][..run.entries as usize] {
                    if entry.matches(lookup, left) && matches!(show(entry), Walk::Stop) {
                        return;
                    }
                }
            }
            let Some(next) = left.first().and_then(|byte| self.child(node, *byte)) else { return };
            let Some(rest) = left.strip_prefix(self.label(next)) else { return };
            (node, left) = (next, rest);
        }
    }

    fn root(&self, effect: Effect) -> &Node {
        &self.nodes[match effect {
            Effect::Deny => 0,
            Effect::Allow => 1,
        }]
    }

    fn label(&self, node: &Node) -> &[u8] {
        &self.labels[node.label as usize..][..node.label_length as usize]
    }

    fn child(&self, node: &Node, byte: u8) -> Option<&Node> {
        const FEW: usize = 8;
        let children = &self.nodes[node.first_child as usize..][..usize::from(node.children)];
        if children.len() <= FEW {
            return children.iter().find(|child| child.first_byte == byte);
        }
        let at = children.binary_search_by_key(&byte, |child| child.first_byte).ok()?;
        Some(&children[at])
    }
}

impl<'a> Lookup<'a> {
    /// The text that the path spells: the relative id, or the common prefix of all resources of a type.
    fn relative(&self) -> &'a str {
        self.fields.map_or("", |fields| all_under(self.resource, fields).unwrap_or(fields.relative))
    }
}

enum Walk {
    On,
    Stop,
}

impl Entry {
    fn applies(&self, effect: Effect, lookup: &Lookup<'_>) -> Applies {
        self.conditions.as_ref().map_or(Applies::Yes, |conditions| conditions.hold(effect, lookup.attributes))
    }

    /// Whether the resource matches. `left` is the part of the relative id after the prefix that the path spells.
    #[inline]
    fn matches(&self, lookup: &Lookup<'_>, left: &[u8]) -> bool {
        let Some(head) = &self.head else { return true };
        let Some(fields) = lookup.fields else {
            return head.is_any() && matches!(self.rest, Rest::Anything);
        };
        let relative = match &self.rest {
            Rest::Anything => true,
            Rest::Nothing => left.is_empty() && lookup.resource.is_one(),
            Rest::Pattern(resources, at) => resources.0[*at as usize].relative_matches(lookup.resource, fields),
        };
        relative && head.matches(lookup.resource, fields)
    }
}

fn seeds<'s>(at: At, statement: &'s Statement, slots: ActionSlotSet) -> impl Iterator<Item = Seed<'s>> {
    statement.resources().iter().zip(0..).map(move |(pattern, number)| Seed {
        prefix: pattern.relative().literal_prefix().as_bytes(),
        slots,
        statement,
        pattern: number,
        at,
    })
}

impl Seed<'_> {
    fn entry(&self) -> Entry {
        let pattern = &self.statement.resources()[self.pattern as usize];
        let rest = if pattern.relative().is_prefix() {
            Rest::Anything
        } else if pattern.relative().is_literal() {
            Rest::Nothing
        } else {
            Rest::Pattern(Arc::clone(&self.statement.resources), self.pattern)
        };
        Entry { head: pattern.head().cloned(), rest, conditions: self.statement.conditions.clone(), at: self.at }
    }
}

/// Builds indexes. It reuses its buffers, because there are thousands of indexes to build.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    nodes: Vec<Node>,
    runs: Vec<Run>,
    entries: Vec<Entry>,
    labels: Vec<u8>,
    /// Empty buffers for seeds.
    seeds: Vec<Vec<Seed<'static>>>,
    max_examined: usize,
}

/// The same buffer, emptied, for seeds of another lifetime.
fn recycled<'t>(mut seeds: Vec<Seed<'_>>) -> Vec<Seed<'t>> {
    seeds.clear();
    seeds.into_iter().map(|_| unreachable!("cleared above")).collect()
}

impl Builder {
    /// Builds the index of statements, which come with their places and the slots that they select, in the order of
    /// documents.
    pub(crate) fn index<'s>(&mut self, statements: &[(At, &'s Statement, ActionSlotSet)]) -> Index {
        let roots = [Effect::Deny, Effect::Allow].map(|effect| {
            let selected = statements.iter().filter(|(_, it, slots)| it.effect == effect && !slots.is_empty());
            let mut found: Vec<Seed<'s>> = recycled(self.seeds.pop().unwrap_or_default());
            found.extend(selected.flat_map(|(at, statement, slots)| seeds(*at, statement, *slots)));
            found.sort_unstable_by(|a, b| {
                (a.prefix, a.slots, a.at, a.pattern).cmp(&(b.prefix, b.slots, b.at, b.pattern))
            });
            found
        });
        self.grow(&roots);
        self.seeds.extend(roots.into_iter().map(recycled));
        self.finish()
    }

    /// Builds both trees level by level, so that the children of a node are adjacent and a deep tree needs no deep
    /// stack.
    fn grow(&mut self, roots: &[Vec<Seed<'_>>]) {
        let mut waiting = std::collections::VecDeque::new();
        self.max_examined = 0;
        for root in roots {
            let node = self.node(&[]);
            self.nodes.push(node);
            waiting.push_back((self.nodes.len() - 1, &root[..], 0, 0));
        }
        while let Some((node, seeds, depth, above)) = waiting.pop_front() {
            let here = seeds.partition_point(|seed| seed.prefix.len() == depth);
            let (here, mut below) = seeds.split_at(here);
            let met = above + here.len();
            self.max_examined = self.max_examined.max(met);
            self.add_runs(node, here);
            self.nodes[node].first_child = number(self.nodes.len());
            while let Some(first) = below.first() {
                let byte = first.prefix[depth];
                let (group, others) = below.split_at(below.partition_point(|seed| seed.prefix[depth] == byte));
                let shared = shared_length(group, depth);
                let child = self.node(&first.prefix[depth..shared]);
                self.nodes.push(child);
                self.nodes[node].children += 1;
                waiting.push_back((self.nodes.len() - 1, group, shared, met));
                below = others;
            }
        }
    }

    fn node(&mut self, label: &[u8]) -> Node {
        let node = Node {
            label: number(self.labels.len()),
            label_length: number(label.len()),
            first_child: 0,
            children: 0,
            first_byte: label.first().copied().unwrap_or_default(),
            first_run: 0,
            runs: 0,
        };
        self.labels.extend_from_slice(label);
        node
    }

    fn add_runs(&mut self, node: usize, seeds: &[Seed<'_>]) {
        let first_run = self.runs.len();
        for run in seeds.chunk_by(|a, b| a.slots == b.slots) {
            self.runs.push(Run { slots: run[0].slots, first: number(self.entries.len()), entries: number(run.len()) });
            self.entries.extend(run.iter().map(Seed::entry));
        }
        self.nodes[node].first_run = number(first_run);
        self.nodes[node].runs = number(self.runs.len() - first_run);
    }

    /// Copies the buffers into arrays of exactly their size.
    fn finish(&mut self) -> Index {
        let index = Index {
            nodes: exact(&mut self.nodes),
            runs: exact(&mut self.runs),
            entries: exact(&mut self.entries),
            labels: self.labels.as_slice().into(),
            max_examined: self.max_examined,
        };
        self.labels.clear();
        index
    }
}

fn exact<T>(scratch: &mut Vec<T>) -> Box<[T]> {
    let mut all = Vec::with_capacity(scratch.len());
    all.append(scratch);
    all.into()
}

/// How many bytes all prefixes of a sorted group have in common, which is as many as the first and the last have.
fn shared_length(group: &[Seed<'_>], depth: usize) -> usize {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return depth };
    let same = first.prefix[depth..].iter().zip(&last.prefix[depth..]).take_while(|(a, b)| a == b).count();
    depth + same
}

fn number(length: usize) -> u32 {
    u32::try_from(length).expect("a set of policies has fewer than 2^32 patterns and bytes of prefixes")
}
