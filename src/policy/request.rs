//! The question put to the layers of a principal, and the facts that conditions ask about.

use std::sync::Arc;

use crate::ram::{Action, Context, ContextKey, Principal, Resource, ValueRef};

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

/// What is known when one resource is judged.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    principal: &'a Principal,
    context: &'a Context,
    of_resource: Option<&'a Context>,
}

impl<'a> Request<'a> {
    /// The resource's own facts go before those of the call.
    pub(super) fn facts_of(&self, resource: usize) -> Facts<'a> {
        Facts { principal: self.principal, context: self.context, of_resource: self.facts.get(resource) }
    }
}

impl<'a> Facts<'a> {
    /// The values of a key; none when nothing is known. `acs:PrincipalARN` is always derived, so that no context can
    /// claim another.
    pub fn values<'k>(&self, key: &'k ContextKey) -> impl Iterator<Item = ValueRef<'a>> + use<'a, 'k> {
        let derived = (*key == ContextKey::PrincipalArn).then(|| self.principal.arn());
        let own = self.of_resource.filter(|facts| facts.has(key));
        let mut known = own.unwrap_or(self.context).facts();
        let mut derived_left = derived;
        std::iter::from_fn(move || match derived {
            Some(_) => derived_left.take().map(ValueRef::Text),
            None => known.find(|(known, _)| known == key).map(|(_, value)| value.as_ref()),
        })
    }

    /// Whether the resource lies in a resource group. What the call's own context says of groups counts for
    /// conditions only.
    pub(super) fn is_in_group(&self, group: &str) -> bool {
        let known = self.of_resource.into_iter().flat_map(|facts| facts.values(&ContextKey::ResourceGroupId));
        let mut known = known;
        known.any(|known| known.text() == group)
    }
}
