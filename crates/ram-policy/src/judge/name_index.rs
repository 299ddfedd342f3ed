//! Which statements bear on a call of which only the operation's name is known: found without a look at the others.
//!
//! Such a call may name any resource, so the index by resource does not help. An Allow bears on it only where it allows
//! every resource. A Deny always does: on every resource it applies, on some it may. What remains is told apart by the
//! names of the actions; operations without a file have no slot.

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

/// Statements by the actions without a slot that they select.
#[derive(Debug, Default)]
struct ByAction {
    /// Those that name an action, by its name in lower case and then in the order of documents.
    named: Box<[(Box<str>, At)]>,
    /// Those that select actions by a wildcard or by exclusion, in the order of documents.
    open: Box<[At]>,
}

impl NameIndex {
    /// `statements` come in the order of documents.
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

    /// Statements of this effect on every resource that may select the action, which has no slot. Those that select
    /// none of its kind are left out; the caller still asks each.
    pub(crate) fn everywhere(&self, effect: Effect, action: &Action) -> impl Iterator<Item = At> {
        match effect {
            Effect::Allow => &self.allows,
            Effect::Deny => &self.denies,
        }
        .about(action)
    }

    /// Denies on some resources that may select the action, which has no slot.
    pub(crate) fn somewhere(&self, action: &Action) -> impl Iterator<Item = At> {
        self.narrow_denies.about(action)
    }

    /// How many statements judging the action looks at.
    pub(crate) fn way(&self, action: &Action) -> usize {
        let kinds = [&self.allows, &self.denies, &self.narrow_denies];
        kinds.map(|kind| kind.targets(action).len() + kind.open.len()).iter().sum()
    }
}

impl ByAction {
    fn new(statements: &[(At, &Statement)], slots: &ActionSlots) -> Self {
        let (mut named, mut open) = (Vec::new(), Vec::new());
        for (at, statement) in statements {
            match &*statement.actions {
                Actions::Action(patterns) if patterns.iter().all(Glob::is_literal) => {
                    let names = patterns.iter().map(|pattern| pattern.as_str().to_ascii_lowercase());
                    let without_lane = names.filter(|name| !slots.has_name(name));
                    named.extend(without_lane.map(|name| (name.into_boxed_str(), *at)));
                }
                Actions::Action(_) | Actions::NotAction(_) => open.push(*at),
            }
        }
        named.sort_unstable();
        named.dedup();
        Self { named: named.into(), open: open.into() }
    }

    fn about(&self, action: &Action) -> impl Iterator<Item = At> {
        self.targets(action).iter().map(|(_, at)| *at).chain(self.open.iter().copied())
    }

    fn targets(&self, action: &Action) -> &[(Box<str>, At)] {
        let first = self.named.partition_point(|(name, _)| order(name, action) == Ordering::Less);
        let named = &self.named[first..];
        &named[..named.partition_point(|(name, _)| order(name, action) == Ordering::Equal)]
    }
}

/// How a name in lower case is ordered to an action's.
fn order(name: &str, action: &Action) -> Ordering {
    name.bytes().cmp(action.as_str().bytes().map(|byte| byte.to_ascii_lowercase()))
}
