//! What the layers of a principal could ever allow, as patterns: without a resource, a context or a verdict.

use crate::judge::layer::Layers;
use crate::judge::set::{PolicySet, StatementRef};
use crate::judge::verdict::LayerKind;
use crate::language::condition::Condition;
use crate::language::effect::Effect;
use crate::language::pattern::ArnPattern;
use crate::name::action::Action;

/// What one layer says of some resources.
#[derive(Clone, Debug)]
pub struct LayerReach<'a> {
    pub kind: LayerKind,
    /// The level or the resource group.
    pub name: Option<&'a str>,
    pub allows: Vec<Grant<'a>>,
    pub denies: Vec<Grant<'a>>,
}

/// A pattern of a statement that could match one of the resources.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    pub pattern: &'a ArnPattern,
    pub at: StatementRef<'a>,
}

impl Layers {
    /// What each layer says about an action on the resources of a pattern, in the order in which RAM evaluates them. What is
    /// allowed must be allowed by every layer, the two kinds of identity policies being one.
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

    /// Whether it allows all there is and takes nothing back.
    pub fn is_everything(&self) -> bool {
        self.denies.is_empty() && self.allows.iter().any(Grant::is_unbounded)
    }

    /// Whether something may be left of what it allows.
    pub fn allows_something(&self) -> bool {
        !self.allows.is_empty() && !self.denies.iter().any(Grant::is_unbounded)
    }
}

impl<'a> Grant<'a> {
    pub fn conditions(&self) -> &'a [Condition] {
        self.at.statement.conditions()
    }

    fn is_unbounded(&self) -> bool {
        self.pattern.is_any() && self.conditions().is_empty()
    }
}
