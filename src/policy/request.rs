//! The question put to the layers of a principal.

use std::sync::Arc;

use crate::ram::{Action, Context, Principal, Resource, UnknownKeys};

use super::facts::{Facts, Reading};
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
    /// What holds for each resource: tags, its resource group. In the order of the resources; where nothing is there,
    /// nobody has read it, and a tag or group may be anything.
    pub facts: &'a [Context],
    /// The policy that a role session was narrowed with.
    pub session: Option<&'a Arc<PolicySet>>,
    /// Keys that may have a value which `context` does not tell. Every other key that is not there is absent.
    pub unknown: &'a UnknownKeys,
    pub naming: Naming,
}

/// Whether the resources of a request are what the call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// They are.
    Told,
    /// Only the name of the operation is known. The request has one resource, `*`, and the call may name any.
    Untold,
}

impl<'a> Request<'a> {
    /// The resource's own facts go before those of the call.
    pub(super) fn facts_of(&self, resource: usize) -> Facts<'a> {
        Facts::of(self, resource, Reading::Closed)
    }
}
