//! The most that the layers of a principal could allow, as patterns: without a resource, a context or a verdict.

use crate::judge::layer::Layers;
use crate::judge::set::{PolicySet, StatementRef};
use crate::judge::verdict::LayerKind;
use crate::language::condition::Condition;
use crate::language::effect::Effect;
use crate::language::pattern::ArnPattern;
use crate::name::action::Action;

/// The statements of one layer about an action on some resources. Made by [`Layers::reach`].
#[derive(Clone, Debug)]
pub struct LayerReach<'a> {
    /// The kind of the layer.
    pub kind: LayerKind,
    /// The name of the level, or the id of the resource group.
    pub name: Option<&'a str>,
    /// The patterns of Allow statements that match at least one of the resources.
    pub allows: Vec<Grant<'a>>,
    /// The patterns of Deny statements that match at least one of the resources.
    pub denies: Vec<Grant<'a>>,
}

/// A resource pattern, with the statement that it is in.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The pattern.
    pub pattern: &'a ArnPattern,
    /// The statement.
    pub at: StatementRef<'a>,
}

impl Layers {
    /// What each layer says about an action on the resources of a pattern, in the order in which RAM evaluates them.
    /// What is allowed must be allowed by every layer, the two kinds of identity policies being one.
    pub fn reach(&self, action: &Action, of: &ArnPattern) -> Vec<LayerReach<'_>> {
        let mut layers = Vec::new();
        for level in self.control() {
            layers.push(LayerReach::new(LayerKind::Control, level.to().level(), &[level], action, of));
        }
        let account: Vec<&PolicySet> = self.account().iter().map(|set| &**set).collect();
        layers.push(LayerReach::new(LayerKind::AccountIdentity, None, &account, action, of));
        for scoped in self.resource_groups() {
            let name = Some(&*scoped.resource_group);
            layers.push(LayerReach::new(LayerKind::ResourceGroupIdentity, name, &[&scoped.set], action, of));
        }
        layers
    }
}

impl<'a> LayerReach<'a> {
    fn new(kind: LayerKind, name: Option<&'a str>, sets: &[&'a PolicySet], action: &Action, of: &ArnPattern) -> Self {
        let statements = sets.iter().flat_map(|set| set.statements());
        let about = statements.filter(|at| at.statement.actions().select(action));
        let grants = about.flat_map(|at| at.statement.resources().iter().map(move |pattern| Grant { pattern, at }));
        let (allows, denies) = grants
            .filter(|grant| grant.pattern.meets(of))
            .partition(|grant| grant.at.statement.effect() == Effect::Allow);
        Self { kind, name, allows, denies }
    }

    /// Whether the layer allows the action on every resource without conditions, and denies nothing.
    pub fn is_everything(&self) -> bool {
        self.denies.is_empty() && self.allows.iter().any(Grant::is_unbounded)
    }

    /// Whether the layer may allow the action on some resource: it has an Allow, and no Deny on every resource without
    /// conditions.
    pub fn allows_something(&self) -> bool {
        !self.allows.is_empty() && !self.denies.iter().any(Grant::is_unbounded)
    }
}

impl<'a> Grant<'a> {
    /// The conditions of the statement.
    pub fn conditions(&self) -> &'a [Condition] {
        self.at.statement.conditions()
    }

    fn is_unbounded(&self) -> bool {
        self.pattern.is_any() && self.conditions().is_empty()
    }
}
