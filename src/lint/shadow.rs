//! Statements without effect: covered by another with the same effect, or overridden by a Deny.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::pdp::PrincipalEntry;
use ram_policy::{Document, Effect, Layers, PolicySet, Statement};

/// Identifies a statement within one account: its policy's name and its index.
pub(super) type Key<'a> = (&'a str, usize);

/// For each statement, the statement that covers it wherever it is attached; `None` if some place has no such
/// statement.
type Everywhere<'a> = BTreeMap<Key<'a>, Option<Key<'a>>>;

/// A statement and the name of its policy.
#[derive(Clone, Copy)]
struct At<'a> {
    policy: &'a str,
    statement: &'a Statement,
}

/// Statements that another statement with the same effect covers, in every set that contains them. Of two statements
/// that cover each other only the later is returned, so that removing all of them changes no decision.
pub(super) fn shadowed<'a>(
    entries: &[&'a PrincipalEntry],
    documents: impl Iterator<Item = &'a Document>,
) -> BTreeMap<Key<'a>, Key<'a>> {
    let mut found = Everywhere::new();
    let mut attached = HashSet::new();
    for set in sets(entries) {
        let held = set.documents().iter().map(|document| &**document).collect::<Vec<_>>();
        attached.extend(held.iter().map(|document| document.name()));
        shadowed_among(&held, &mut found);
    }
    for document in documents.filter(|document| !attached.contains(document.name())) {
        shadowed_among(&[document], &mut found);
    }
    everywhere(found)
}

/// Allows that an unconditional Deny covers, for every principal that has them.
pub(super) fn under_deny<'a>(entries: &[&'a PrincipalEntry]) -> BTreeMap<Key<'a>, Key<'a>> {
    let mut found = Everywhere::new();
    for entry in entries.iter().filter(|entry| entry.layers.quarantine().is_none()) {
        let layers = &entry.layers;
        let wide: Vec<_> = layers.control().iter().chain(layers.account()).collect();
        for set in layers.account() {
            denied(set, wide.iter().copied(), &mut found);
        }
        for scoped in layers.resource_groups() {
            let same = layers.resource_groups().iter().filter(|it| it.resource_group == scoped.resource_group);
            denied(&scoped.set, wide.iter().copied().chain(same.map(|it| &it.set)), &mut found);
        }
    }
    everywhere(found)
}

fn denied<'a>(set: &'a PolicySet, reach: impl Iterator<Item = &'a Arc<PolicySet>>, found: &mut Everywhere<'a>) {
    let denies: Vec<At<'a>> = reach
        .flat_map(|set| statements(set.documents().iter().map(|document| &**document)))
        .filter(|at| at.statement.effect() == Effect::Deny && at.statement.conditions().is_empty())
        .collect();
    for allow in statements(set.documents().iter().map(|document| &**document)) {
        if allow.statement.effect() == Effect::Allow {
            let by = denies.iter().find(|deny| deny.statement.covers(allow.statement));
            note(found, allow.key(), by.map(At::key));
        }
    }
}

fn shadowed_among<'a>(documents: &[&'a Document], found: &mut Everywhere<'a>) {
    let all: Vec<At<'a>> = statements(documents.iter().copied()).collect();
    for one in &all {
        let shadows = |other: &&At<'a>| {
            other.key() != one.key()
                && other.statement.effect() == one.statement.effect()
                && other.statement.covers(one.statement)
                && (other.key() < one.key() || !one.statement.covers(other.statement))
        };
        note(found, one.key(), all.iter().find(shadows).map(At::key));
    }
}

/// Records whether a statement is covered at one place. If it is not covered at some place, it is not reported.
fn note<'a>(found: &mut Everywhere<'a>, key: Key<'a>, by: Option<Key<'a>>) {
    let known = found.entry(key).or_insert(by);
    if by.is_none() {
        *known = None;
    }
}

fn everywhere<'a>(found: Everywhere<'a>) -> BTreeMap<Key<'a>, Key<'a>> {
    found.into_iter().filter_map(|(key, by)| Some((key, by?))).collect()
}

/// Each set once, even if several principals share it.
fn sets<'a>(entries: &[&'a PrincipalEntry]) -> Vec<&'a PolicySet> {
    let mut seen = HashSet::new();
    let held = entries.iter().flat_map(|entry| Layers::sets(&entry.layers).map(|(_, _, set)| set));
    held.filter(|set| seen.insert(Arc::as_ptr(set))).map(|set| &**set).collect()
}

fn statements<'a>(documents: impl Iterator<Item = &'a Document>) -> impl Iterator<Item = At<'a>> {
    documents.flat_map(|document| {
        let policy = document.name();
        document.statements().iter().map(move |statement| At { policy, statement })
    })
}

impl<'a> At<'a> {
    fn key(&self) -> Key<'a> {
        (self.policy, self.statement.index())
    }
}
