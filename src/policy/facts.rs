//! What conditions may ask about: the principal, the call, and one of its resources.

use crate::ram::{Context, ContextKey, Principal, ValueRef};

/// What is known when one resource is judged.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// None for whoever is no principal of RAM's: a subject of somebody else's issuer, a service.
    principal: Option<&'a Principal>,
    context: &'a Context,
    of_resource: Option<&'a Context>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(principal: &'a Principal, context: &'a Context, of_resource: Option<&'a Context>) -> Self {
        Self { principal: Some(principal), context, of_resource }
    }

    /// Of a call that is about no resource.
    pub(super) fn of_call(principal: Option<&'a Principal>, context: &'a Context) -> Self {
        Self { principal, context, of_resource: None }
    }

    /// The values of a key; none when nothing is known. `acs:PrincipalARN` is always derived, so that no context can
    /// claim another.
    pub fn values<'k>(&self, key: &'k ContextKey) -> impl Iterator<Item = ValueRef<'a>> + use<'a, 'k> {
        let derived = (*key == ContextKey::PrincipalArn).then(|| self.principal.map(Principal::arn));
        let own = self.of_resource.filter(|facts| facts.has(key));
        let mut known = own.unwrap_or(self.context).iter();
        let mut derived_left = derived;
        std::iter::from_fn(move || match derived {
            Some(_) => derived_left.take().flatten().map(ValueRef::Text),
            None => known.find(|(known, _)| *known == key).map(|(_, value)| value),
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
