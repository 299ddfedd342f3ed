//! The question put to the layers of a principal.

use std::sync::Arc;

use crate::context::table::Context;
use crate::context::unknown_keys::UnknownKeys;
use crate::judge::set::PolicySet;
use crate::language::attributes::{Attributes, Reading, Targets};
use crate::name::action::Action;
use crate::name::arn::Resource;
use crate::name::principal::Principal;

/// Principal, action, resources, context. Every resource must be allowed (`docs/spec/ram-policy.md` 6.4). Borrowed:
/// asking costs no allocation.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub principal: &'a Principal,
    pub action: &'a Action,
    /// In the order in which a denial reports them.
    pub resources: &'a [Resource<'a>],
    /// Further resources that the call touches and that only a Deny looks at: a Deny that applies to one of them denies
    /// the call, and so does one that cannot be ruled out; no Allow is needed for them. A resource of another account is
    /// not out of reach here. They come after `resources` in a decision. Usually empty; without a resource in `resources`
    /// they count for nothing, since such a request is denied as it is.
    pub deny_only: &'a [Resource<'a>],
    /// What holds for the whole call.
    pub context: &'a Context,
    /// What holds for each resource: its tags, its resource group. In the order of `resources`, then of `deny_only`. A
    /// resource beyond the end of the slice has not been read: its tags and its group may be anything.
    pub attributes: &'a [Context],
    /// The policy that a role session was narrowed with.
    pub session_policy: Option<&'a Arc<PolicySet>>,
    /// Keys that may have a value which `context` does not tell. Every other key that is not there is absent.
    pub unknown_keys: &'a UnknownKeys,
    /// Whether `resources` are what the call names.
    pub targets: Targets,
}

/// Which statements bear on a resource of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Some Allow must apply, and no Deny may.
    AllowAndDeny,
    /// No Deny may apply.
    DenyOnly,
}

impl<'a> Request<'a> {
    /// The resource's own facts go before those of the call.
    pub(crate) fn attributes_of(&self, resource: usize) -> Attributes<'a> {
        self.attributes_read(resource, Reading::Closed)
    }

    /// The same, with attributes that have not been read treated as `reading` says.
    pub(crate) fn attributes_read(&self, resource: usize, reading: Reading) -> Attributes<'a> {
        let contexts = (self.context, self.attributes.get(resource));
        Attributes::of_resource(self.principal, contexts, self.unknown_keys, self.targets_of(resource), reading)
    }

    /// A resource that only a Deny looks at is always known.
    pub(crate) fn targets_of(&self, resource: usize) -> Targets {
        match self.check(resource) {
            Check::AllowAndDeny => self.targets,
            Check::DenyOnly => Targets::Known,
        }
    }

    /// Every resource that is judged, with its number.
    pub(crate) fn judged_resources(&self) -> impl Iterator<Item = (usize, &'a Resource<'a>)> + use<'a> {
        let deny_only = if self.resources.is_empty() { &[] } else { self.deny_only };
        self.resources.iter().chain(deny_only).enumerate()
    }

    pub(crate) fn resource(&self, number: usize) -> Option<&'a Resource<'a>> {
        match number.checked_sub(self.resources.len()) {
            None => self.resources.get(number),
            Some(number) => self.deny_only.get(number),
        }
    }

    pub(crate) fn check(&self, resource: usize) -> Check {
        if resource < self.resources.len() { Check::AllowAndDeny } else { Check::DenyOnly }
    }
}
