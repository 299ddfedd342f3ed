//! The request that the layers of a principal are evaluated for.

use std::sync::Arc;

use crate::context::table::Context;
use crate::context::unknown_keys::UnknownKeys;
use crate::judge::set::PolicySet;
use crate::language::attributes::{Attributes, Reading, Targets};
use crate::name::action::Action;
use crate::name::arn::Resource;
use crate::name::principal::Principal;

/// A call to be judged: who calls which action on which resources, and what is known about the call.
///
/// The call is allowed only if every resource is (`docs/spec/ram-policy.md` 6.4). All parts are borrowed, so making a
/// request costs no allocation. See [`evaluate`](crate::evaluate) for an example.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who calls.
    pub principal: &'a Principal,
    /// What is called.
    pub action: &'a Action,
    /// The resources that need an Allow, in the order in which a denial reports them. A request without resources is
    /// denied.
    pub resources: &'a [Resource<'a>],
    /// Further resources that the call touches, for which no Allow is needed. Usually empty.
    ///
    /// A Deny that applies to one of them denies the call, and so does a Deny that cannot be ruled out. They may belong
    /// to another account. In a decision they follow `resources`; if `resources` is empty, they are ignored.
    pub deny_only: &'a [Resource<'a>],
    /// The condition keys of the call as a whole.
    pub context: &'a Context,
    /// The attributes of each resource, such as its tags and its resource group, in the order of `resources` and then
    /// of `deny_only`. They take precedence over `context`. Resources beyond the end of the slice have not been read:
    /// their tags and groups are unknown.
    pub attributes: &'a [Context],
    /// The session policy, if the principal is a role session that was started with one.
    pub session_policy: Option<&'a Arc<PolicySet>>,
    /// The keys that may have a value although `context` has none. All other keys without a value are absent.
    pub unknown_keys: &'a UnknownKeys,
    /// Whether `resources` are the resources that the call names.
    pub targets: Targets,
}

/// Which statements matter for a resource of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// An Allow must apply, and no Deny may.
    AllowAndDeny,
    /// No Deny may apply.
    DenyOnly,
}

impl<'a> Request<'a> {
    /// The inputs of conditions for the resource with this index. Attributes of the resource take precedence over those
    /// of the call; attributes that have not been read are unknown.
    pub(crate) fn attributes_of(&self, resource: usize) -> Attributes<'a> {
        self.attributes_read(resource, Reading::Closed)
    }

    /// The same, with attributes that have not been read treated according to `reading`.
    pub(crate) fn attributes_read(&self, resource: usize, reading: Reading) -> Attributes<'a> {
        let contexts = (self.context, self.attributes.get(resource));
        Attributes::of_resource(self.principal, contexts, self.unknown_keys, self.targets_of(resource), reading)
    }

    /// Whether it is known that the call names the resource. `deny_only` resources are always known.
    pub(crate) fn targets_of(&self, resource: usize) -> Targets {
        match self.check(resource) {
            Check::AllowAndDeny => self.targets,
            Check::DenyOnly => Targets::Known,
        }
    }

    /// All resources to judge, with their indexes.
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
