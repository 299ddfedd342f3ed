//! A statement: its parts, and the first reason why it does not apply.

use std::sync::Arc;

use crate::language::attributes::{Attributes, RequiredAttributes, Targets};
use crate::language::condition::{Condition, ConditionMismatch};
use crate::language::effect::{Applies, Effect, Mismatch};
use crate::language::glob::Glob;
use crate::language::operator::Sense;
use crate::language::pattern::ArnPattern;
use crate::name::action::Action;
use crate::name::arn::Resource;

/// One element of a document's Statement list.
///
/// It applies to a call on a resource if it selects the action, one of its resource patterns matches, and all of its
/// conditions hold. Parts with the same text are shared among statements, so a clone is cheap.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) effect: Effect,
    pub(crate) actions: Arc<Actions>,
    pub(crate) resources: Arc<Resources>,
    /// `None` if there are no conditions.
    pub(crate) conditions: Option<Arc<Conditions>>,
    pub(crate) sid: Option<Box<str>>,
    pub(crate) index: u32,
    pub(crate) line: u32,
}

/// The action element of a statement: either Action or NotAction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actions {
    /// Selects the actions that match at least one pattern.
    Action(Box<[Glob]>),
    /// Selects the actions that match none of the patterns.
    NotAction(Box<[Glob]>),
}

/// The patterns of a Resource element, of which one must match. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources(pub(crate) Box<[ArnPattern]>);

/// The tests of a Condition element, which must all hold, in the order of the document. Never empty.
#[derive(Clone, Debug)]
pub struct Conditions(pub(crate) Box<[Condition]>);

impl Statement {
    /// Whether the statement allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The actions that the statement is about.
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// The patterns of the resources that the statement is about. There is at least one.
    pub fn resources(&self) -> &[ArnPattern] {
        &self.resources.0
    }

    /// The conditions, in the order of the document. Empty if the statement has none.
    pub fn conditions(&self) -> &[Condition] {
        self.conditions.as_deref().map_or(&[], |conditions| &conditions.0)
    }

    /// The Sid. It is not part of RAM's grammar but common in published policies, and has no effect on decisions
    /// (`docs/spec/ram-policy.md` 11, row 8).
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The index in the Statement list, from 0.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// The line of the document's text on which the statement begins, from 1.
    pub fn line(&self) -> usize {
        self.line as usize
    }

    /// The first reason why the statement does not apply, or is not known to apply; `None` if it applies. Reasons that
    /// are certain come before those that depend on something unknown.
    pub fn mismatch(&self, action: &Action, resource: &Resource<'_>, attributes: &Attributes<'_>) -> Option<Mismatch> {
        if !self.actions.select(action) {
            return Some(Mismatch::Action);
        }
        let resource = self.named_mismatch(resource, attributes.targets());
        if resource.is_some_and(|mismatch| !mismatch.is_unknown()) {
            return resource;
        }
        let condition = self.condition_mismatch(attributes);
        if condition.is_some_and(|mismatch| !mismatch.is_unknown()) { condition } else { resource.or(condition) }
    }

    /// Whether the statement denies what other statements allow; `mismatch` is its own. A Deny that applies does. If it
    /// is not known which resources the call names, an Allow may too: the call may name resources that the Allow
    /// excludes by a tag or a group.
    pub(crate) fn denies(&self, mismatch: Option<Mismatch>, targets: Targets) -> Applies {
        let excludes = |index: usize| {
            let condition = &self.conditions()[index];
            condition.operator().sense() == Sense::Negated && RequiredAttributes::of_key(condition.key()).any()
        };
        match (self.effect, targets, mismatch) {
            (Effect::Deny, ..) => Applies::of(mismatch),
            (
                Effect::Allow,
                Targets::Unknown,
                Some(Mismatch::Condition { index, reason: ConditionMismatch::KeyUnknown }),
            ) if excludes(index) => Applies::Unknown,
            (Effect::Allow, ..) => Applies::No,
        }
    }

    /// [`Statement::mismatch`] for a call without a resource.
    pub(crate) fn call_mismatch(&self, action: &Action, attributes: &Attributes<'_>) -> Option<Mismatch> {
        if !self.actions.select(action) {
            return Some(Mismatch::Action);
        }
        self.condition_mismatch(attributes)
    }

    /// Whether action and resource match. Conditions are not tested.
    pub(crate) fn matches(&self, action: &Action, resource: &Resource<'_>) -> bool {
        self.actions.select(action) && self.resource_mismatch(resource).is_none()
    }

    /// [`Statement::resource_mismatch`]; but if it is not known which resources the call names, a Deny on some
    /// resources may be about one of them.
    fn named_mismatch(&self, resource: &Resource<'_>, targets: Targets) -> Option<Mismatch> {
        let mismatch = self.resource_mismatch(resource)?;
        Some(match (targets, self.effect) {
            (Targets::Unknown, Effect::Deny) => Mismatch::ResourceUnknown,
            (Targets::Known, _) | (_, Effect::Allow) => mismatch,
        })
    }

    /// The mismatch of the pattern that came closest to matching; `None` if a pattern matches.
    pub(crate) fn resource_mismatch(&self, resource: &Resource<'_>) -> Option<Mismatch> {
        let mut nearest = None;
        for pattern in self.resources() {
            nearest = nearest.max(Some(pattern.mismatch(resource)?));
        }
        nearest
    }

    /// The first condition that does not hold, or else the first that is not known to hold.
    pub(crate) fn condition_mismatch(&self, attributes: &Attributes<'_>) -> Option<Mismatch> {
        let reasons = self.conditions().iter().map(|condition| condition.mismatch(self.effect, attributes));
        let mut unknown = None;
        for (index, reason) in reasons.enumerate() {
            let Some(reason) = reason else { continue };
            let mismatch = Mismatch::Condition { index, reason };
            if !mismatch.is_unknown() {
                return Some(mismatch);
            }
            unknown = unknown.or(Some(mismatch));
        }
        unknown
    }
}

impl Actions {
    /// The patterns of the element.
    pub fn patterns(&self) -> &[Glob] {
        match self {
            Self::Action(patterns) | Self::NotAction(patterns) => patterns,
        }
    }

    /// Whether the element selects the action.
    pub fn select(&self, action: &Action) -> bool {
        let named = self.patterns().iter().any(|pattern| pattern.matches(action.as_str()));
        match self {
            Self::Action(_) => named,
            Self::NotAction(_) => !named,
        }
    }
}

impl Conditions {
    /// Whether all conditions hold. A condition that fails counts more than one that is not known to hold.
    pub(crate) fn hold(&self, effect: Effect, attributes: &Attributes<'_>) -> Applies {
        let mut hold = Applies::Yes;
        for condition in &self.0 {
            match condition.mismatch(effect, attributes) {
                None => {}
                Some(ConditionMismatch::KeyUnknown) => hold = Applies::Unknown,
                Some(_) => return Applies::No,
            }
        }
        hold
    }
}

impl Applies {
    #[inline]
    pub(crate) fn of(mismatch: Option<Mismatch>) -> Self {
        match mismatch {
            None => Self::Yes,
            Some(mismatch) if mismatch.is_unknown() => Self::Unknown,
            Some(_) => Self::No,
        }
    }
}
