//! A statement: what it allows or denies, and the first reason why it does not apply.

use std::sync::Arc;

use crate::language::attributes::{Attributes, RequiredAttributes, Targets};
use crate::language::condition::{Condition, ConditionMismatch};
use crate::language::effect::{Applies, Effect};
use crate::language::glob::Glob;
use crate::language::mismatch::Mismatch;
use crate::language::operator::Sense;
use crate::language::pattern::ArnPattern;
use crate::name::action::Action;
use crate::name::arn::Resource;

/// One element of a document's Statement list. Its parts are shared with every statement that is written alike.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) effect: Effect,
    pub(crate) actions: Arc<Actions>,
    pub(crate) resources: Arc<Resources>,
    /// None where there are no conditions.
    pub(crate) conditions: Option<Arc<Conditions>>,
    pub(crate) sid: Option<Box<str>>,
    pub(crate) index: u32,
    pub(crate) line: u32,
}

/// What selects the action: exactly one of the two elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actions {
    /// Some pattern must match.
    Action(Box<[Glob]>),
    /// No pattern may match.
    NotAction(Box<[Glob]>),
}

/// Patterns of which some must match; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources(pub(crate) Box<[ArnPattern]>);

/// Tests that must all hold, in the order in which they are written; never empty.
#[derive(Clone, Debug)]
pub struct Conditions(pub(crate) Box<[Condition]>);

impl Statement {
    pub fn effect(&self) -> Effect {
        self.effect
    }

    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    pub fn resources(&self) -> &[ArnPattern] {
        &self.resources.0
    }

    /// In the order in which they are written.
    pub fn conditions(&self) -> &[Condition] {
        self.conditions.as_deref().map_or(&[], |conditions| &conditions.0)
    }

    /// Not in RAM's grammar, yet written by many; it has no meaning (`docs/spec/ram-policy.md` 11, row 8).
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The place in the Statement list, from 0.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// The line of the document's text on which it begins, from 1.
    pub fn line(&self) -> usize {
        self.line as usize
    }

    /// The first reason why the statement does not apply, or is not known to; none when it applies. A reason that is
    /// certain goes before one that is not known.
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

    /// Whether the statement takes away what others allow, where this is why it does not apply. A Deny does. Where it is
    /// not known what the call names, so may an Allow: what it excludes by a tag or a group may be what is named.
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

    /// [`Statement::mismatch`] for a call that is about no resource.
    pub(crate) fn call_mismatch(&self, action: &Action, attributes: &Attributes<'_>) -> Option<Mismatch> {
        if !self.actions.select(action) {
            return Some(Mismatch::Action);
        }
        self.condition_mismatch(attributes)
    }

    /// Whether it is about the action and the resource, whatever its conditions say.
    pub(crate) fn matches(&self, action: &Action, resource: &Resource<'_>) -> bool {
        self.actions.select(action) && self.resource_mismatch(resource).is_none()
    }

    /// Where it is not known what the call names, a Deny on some resources may be about one of them.
    fn named_mismatch(&self, resource: &Resource<'_>, targets: Targets) -> Option<Mismatch> {
        let mismatch = self.resource_mismatch(resource)?;
        Some(match (targets, self.effect) {
            (Targets::Unknown, Effect::Deny) => Mismatch::ResourceUnknown,
            (Targets::Known, _) | (_, Effect::Allow) => mismatch,
        })
    }

    /// Of several patterns that all fail, the one that came nearest.
    pub(crate) fn resource_mismatch(&self, resource: &Resource<'_>) -> Option<Mismatch> {
        let mut nearest = None;
        for pattern in self.resources() {
            nearest = nearest.max(Some(pattern.mismatch(resource)?));
        }
        nearest
    }

    /// The first condition that does not hold.
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
    pub fn patterns(&self) -> &[Glob] {
        match self {
            Self::Action(patterns) | Self::NotAction(patterns) => patterns,
        }
    }

    pub fn select(&self, action: &Action) -> bool {
        let named = self.patterns().iter().any(|pattern| pattern.matches(action.as_str()));
        match self {
            Self::Action(_) => named,
            Self::NotAction(_) => !named,
        }
    }
}

impl Conditions {
    /// Whether all hold. One that fails goes before one of which it is not known.
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
    pub(crate) fn of(mismatch: Option<Mismatch>) -> Self {
        match mismatch {
            None => Self::Yes,
            Some(mismatch) if mismatch.is_unknown() => Self::Unknown,
            Some(_) => Self::No,
        }
    }
}
