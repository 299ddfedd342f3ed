//! The question put to the layers of a principal.

use std::sync::Arc;

use crate::ram::{Action, Context, Principal, Resource};

use super::facts::Facts;
use super::set::PolicySet;

/// Principal, action, resources, context. Every resource must be allowed (`spec/ram-policy.md` 6.4). Borrowed: asking
/// costs no allocation.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub principal: &'a Principal,
    pub action: &'a Action,
    /// In the order in which a denial reports them.
    pub resources: &'a [Resource<'a>],
    /// What holds for the whole call.
    pub context: &'a Context,
    /// What holds for each resource: tags, its resource group. In the order of the resources; what is not there is
    /// not known of any.
    pub facts: &'a [Context],
    /// The policy that a role session was narrowed with.
    pub session: Option<&'a Arc<PolicySet>>,
}

impl<'a> Request<'a> {
    /// The resource's own facts go before those of the call.
    pub(super) fn facts_of(&self, resource: usize) -> Facts<'a> {
        Facts::new(self.principal, self.context, self.facts.get(resource))
    }
}
