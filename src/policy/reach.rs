//! What the layers of a principal could ever allow, as patterns: without a resource, a context or a verdict.

use crate::ram::Action;

use super::condition::Condition;
use super::effect::Effect;
use super::layer::{LayerKind, Layers};
use super::pattern::ArnPattern;
use super::set::{AttachedTo, PolicySet, StatementRef};

/// Resources of one type in one account: `acs:ecs:*:1234567890123456:eni/*`.
#[derive(Clone, Copy, Debug)]
pub struct ResourceType<'a> {
    pub service: &'a str,
    pub account: &'a str,
    /// `eni`.
    pub kind: &'a str,
}

/// What one layer says of one type of resources.
#[derive(Clone, Debug)]
pub struct LayerReach<'a> {
    pub kind: LayerKind,
    /// The level or the resource group.
    pub name: Option<&'a str>,
    pub allows: Vec<Grant<'a>>,
    pub denies: Vec<Grant<'a>>,
}

/// A pattern of a statement that could match a resource of the type.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    pub pattern: &'a ArnPattern,
    pub at: StatementRef<'a>,
}

impl Layers {
    /// What each layer says about an action on a type of resources, in the order in which RAM evaluates them. What is
    /// allowed must be allowed by every layer, the two kinds of identity policies being one.
    pub fn reach(&self, action: &Action, of_type: ResourceType<'_>) -> Vec<LayerReach<'_>> {
        let mut layers = Vec::new();
        for level in self.control() {
            let name = match level.to() {
                AttachedTo::Level(name) => Some(&**name),
                _ => None,
            };
            layers.push(LayerReach::new(LayerKind::Control, name, &[level], action, of_type));
        }
        let account: Vec<&PolicySet> = self.account().iter().map(|set| &**set).collect();
        layers.push(LayerReach::new(LayerKind::AccountIdentity, None, &account, action, of_type));
        for scoped in self.resource_groups() {
            let name = Some(&*scoped.resource_group);
            layers.push(LayerReach::new(LayerKind::ResourceGroupIdentity, name, &[&scoped.set], action, of_type));
        }
        layers
    }
}

impl<'a> LayerReach<'a> {
    fn new(
        kind: LayerKind,
        name: Option<&'a str>,
        sets: &[&'a PolicySet],
        action: &Action,
        of_type: ResourceType<'_>,
    ) -> Self {
        let statements = sets.iter().flat_map(|set| set.statements());
        let about = statements.filter(|at| at.statement.actions().select(action));
        let grants = about.flat_map(|at| at.statement.resources().iter().map(move |pattern| Grant { pattern, at }));
        let (allows, denies) = grants
            .filter(|grant| grant.pattern.may_match(of_type))
            .partition(|grant| grant.at.statement.effect() == Effect::Allow);
        Self { kind, name, allows, denies }
    }

    /// Whether it allows all there is and takes nothing back.
    pub fn is_everything(&self) -> bool {
        let unbounded = |grant: &Grant<'_>| grant.pattern.is_any() && grant.conditions().is_empty();
        self.denies.is_empty() && self.allows.iter().any(unbounded)
    }

    /// Whether something may be left of what it allows.
    pub fn allows_something(&self) -> bool {
        let all = |grant: &Grant<'_>| grant.pattern.is_any() && grant.conditions().is_empty();
        !self.allows.is_empty() && !self.denies.iter().any(all)
    }
}

impl<'a> Grant<'a> {
    pub fn conditions(&self) -> &'a [Condition] {
        self.at.statement.conditions()
    }
}

impl ArnPattern {
    /// Whether it matches some resource of the type, in whatever region.
    pub fn may_match(&self, of_type: ResourceType<'_>) -> bool {
        let Some([service, _, account, relative]) = self.fields() else { return true };
        let prefix = format!("{}/", of_type.kind);
        service.matches(of_type.service) && account.matches(of_type.account) && relative.may_begin_with(&prefix)
    }
}
