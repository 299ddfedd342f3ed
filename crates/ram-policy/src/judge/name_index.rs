//! An index of the statements that matter for a call of which only the name of the operation is known.
//!
//! Such a call may name any resource, so the index by resource does not help. An Allow matters only if it covers every
//! resource. Every Deny matters: one on every resource applies, one on some resources may apply. Within these kinds,
//! statements are found by the names of their actions. The index covers only actions without a slot.

use std::cmp::Ordering;

use crate::judge::action_slot::ActionSlots;
use crate::judge::index::At;
use crate::language::effect::Effect;
use crate::language::glob::Glob;
use crate::language::statement::{Actions, Statement};
use crate::name::action::Action;
use crate::name::arn::Resource;

/// The statements of one set.
#[derive(Debug, Default)]
pub(crate) struct NameIndex {
    allows: ByAction,
    denies: ByAction,
    /// Denies on some resources only.
    narrow_denies: ByAction,
}

/// Statements by the actions that they select, for actions without a slot.
#[derive(Debug, Default)]
struct ByAction {
    /// Statements that name their actions, sorted by the name in lower case and then in the order of documents.
    named: Box<[(Box<str>, At)]>,
    /// Statements that select actions by a wildcard or by exclusion, in the order of documents.
    open: Box<[At]>,
}

impl NameIndex {
    /// `statements` must be in the order of documents.
    pub(crate) fn new<'s>(statements: impl Iterator<Item = (At, &'s Statement)>, slots: &ActionSlots) -> Self {
        let [mut allows, mut denies, mut narrow_denies] = [Vec::new(), Vec::new(), Vec::new()];
        for (at, statement) in statements {
            match (statement.effect, statement.resource_mismatch(&Resource::Everything)) {
                (Effect::Allow, Some(_)) => {}
                (Effect::Allow, None) => allows.push((at, statement)),
                (Effect::Deny, None) => denies.push((at, statement)),
                (Effect::Deny, Some(_)) => narrow_denies.push((at, statement)),
            }
        }
        let [allows, denies, narrow_denies] =
            [allows, denies, narrow_denies].map(|statements| ByAction::new(&statements, slots));
        Self { allows, denies, narrow_denies }
    }

    /// Candidates among the statements of this effect on every resource, for an action without a slot. The caller still
    /// has to check whether each selects the action.
    pub(crate) fn everywhere(&self, effect: Effect, action: &Action) -> impl Iterator<Item = At> {
        match effect {
            Effect::Allow => &self.allows,
            Effect::Deny => &self.denies,
        }
        .about(action)
    }

    /// Candidates among the Denies on some resources, for an action without a slot.
    pub(crate) fn somewhere(&self, action: &Action) -> impl Iterator<Item = At> {
        self.narrow_denies.about(action)
    }

    /// How many statements are examined to judge a call of the action.
    pub(crate) fn max_examined(&self, action: &Action) -> usize {
        let kinds = [&self.allows, &self.denies, &self.narrow_denies];
        kinds.map(|kind| kind.naming(action).len() + kind.open.len()).iter().sum()
    }
}

impl ByAction {
    fn new(statements: &[(At, &Statement)], slots: &ActionSlots) -> Self {
        let (mut named, mut open) = (Vec::new(), Vec::new());
        for (at, statement) in statements {
            match &*statement.actions {
                Actions::Action(patterns) if patterns.iter().all(Glob::is_literal) => {
                    let names = patterns.iter().map(|pattern| pattern.as_str().to_ascii_lowercase());
                    let without_slot = names.filter(|name| !slots.has_name(name));
                    named.extend(without_slot.map(|name| (name.into_boxed_str(), *at)));
                }
                Actions::Action(_) | Actions::NotAction(_) => open.push(*at),
            }
        }
        named.sort_unstable();
        named.dedup();
        Self { named: named.into(), open: open.into() }
    }

    fn about(&self, action: &Action) -> impl Iterator<Item = At> {
        self.naming(action).iter().map(|(_, at)| *at).chain(self.open.iter().copied())
    }

    /// The statements that name the action.
    fn naming(&self, action: &Action) -> &[(Box<str>, At)] {
        let first = self.named.partition_point(|(name, _)| order(name, action) == Ordering::Less);
        let named = &self.named[first..];
        &named[..named.partition_point(|(name, _)| order(name, action) == Ordering::Equal)]
    }
}

/// Compares a name in lower case with the name of an action, ignoring the case of the latter.
fn order(name: &str, action: &Action) -> Ordering {
    name.bytes().cmp(action.as_str().bytes().map(|byte| byte.to_ascii_lowercase()))
}
