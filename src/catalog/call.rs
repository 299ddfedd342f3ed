//! A bound call: an operation, its checked parameters, and the resources it is judged on.

use std::sync::Arc;

use crate::ram::{Parameters, Region};
use ram_policy::{AccountId, Context, ContextKey, Resource, UnknownKeys};

use super::operation::{Operation, RequestTags};

/// A call with exactly one reading. The same value is judged, logged and forwarded.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) operation: Arc<Operation>,
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) parameters: Parameters,
    pub(super) resources: Vec<Resource<'static>>,
    /// For each resource, the index of its type among the operation's resource types.
    pub(super) of_type: Vec<usize>,
    pub(super) left_out: Vec<String>,
}

impl Call {
    /// The operation that is called.
    pub fn operation(&self) -> &Arc<Operation> {
        &self.operation
    }

    /// The account whose resources the call names: the caller's own (`docs/spec/ram-policy.md` 3.1).
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The region that the call names.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The business parameters to forward, as the caller sent them and in that order.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The resources to judge, in the catalogue's order. Never empty.
    pub fn resources(&self) -> &[Resource<'static>] {
        &self.resources
    }

    /// The vendor's name for the type of each resource, in the same order.
    pub fn resource_types(&self) -> impl Iterator<Item = &str> {
        self.of_type.iter().map(|at| self.operation.resources[*at].kind.as_str())
    }

    /// Condition keys that RAM may evaluate for this call but whose values the gateway cannot know.
    pub fn unknown_keys(&self) -> &Arc<UnknownKeys> {
        let filters = self.operation.tags == RequestTags::Filter
            && self.parameters.iter().any(|given| given.name.starts_with("Tag."));
        if filters { &self.operation.unknown_in_filter } else { &self.operation.unknown }
    }

    /// Adds the tags that the call itself sets: `acs:RequestTag/…` and `acs:TagKeys`. Keys that the context already has
    /// are left unchanged.
    pub fn add_request_tags(&self, context: &mut Context) {
        self.operation.add_request_tags(&self.parameters, context);
    }

    /// Names of parameters that the caller sent and the gateway leaves out of the rebuilt call.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

impl Operation {
    /// As [`Call::add_request_tags`], for parameters that have not been bound.
    pub fn add_request_tags(&self, parameters: &Parameters, context: &mut Context) {
        if self.tags != RequestTags::Set {
            return;
        }
        let stated: Vec<ContextKey> = context.iter().map(|(key, _)| key.clone()).collect();
        let mut add = |key: ContextKey, value: &str| {
            if !stated.contains(&key) {
                context.add(key, value);
            }
        };
        for tag in tags(parameters) {
            add(ContextKey::request_tag(tag.key), tag.value);
            add(ContextKey::TagKeys, tag.key);
        }
    }
}

/// A `Tag.N.Key` with its `Tag.N.Value`.
#[derive(Clone, Copy)]
pub(super) struct RequestTag<'a> {
    /// `Tag.1.Key`.
    pub(super) name: &'a str,
    pub(super) key: &'a str,
    /// Empty if the call does not give one.
    pub(super) value: &'a str,
}

/// The tags among the parameters of a call, in order. An empty key does not set a tag.
pub(super) fn tags(parameters: &Parameters) -> impl Iterator<Item = RequestTag<'_>> {
    parameters.iter().filter_map(|given| {
        let index = given.name.strip_prefix("Tag.")?.strip_suffix(".Key")?;
        let of_index =
            |name: &str| name.strip_prefix("Tag.").and_then(|rest| rest.strip_suffix(".Value")) == Some(index);
        let value = parameters.iter().find(|other| of_index(other.name)).map_or("", |other| other.value);
        (!given.value.is_empty()).then_some(RequestTag { name: given.name, key: given.value, value })
    })
}
