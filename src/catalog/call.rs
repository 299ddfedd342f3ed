//! A call with one reading: an operation, its checked parameters, and the resources it is judged on.

use std::sync::Arc;

use crate::ram::{AccountId, Context, ContextKey, Parameters, Region, Resource, UnknownKeys};

use super::condition_key::RequestTags;
use super::operation::Operation;

/// What is judged, written down and forwarded: the same value all the way.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) operation: Arc<Operation>,
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) parameters: Parameters,
    pub(super) resources: Vec<Resource<'static>>,
    /// For each resource, which of the operation's resource types it is of.
    pub(super) of_type: Vec<usize>,
    pub(super) left_out: Vec<String>,
}

impl Call {
    pub fn operation(&self) -> &Arc<Operation> {
        &self.operation
    }

    /// The account whose resources the call names: the caller's own (`spec/ram-policy.md` 3.1).
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The business parameters that go on, as the caller gave them and in that order.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// In the catalogue's order, never empty.
    pub fn resources(&self) -> &[Resource<'static>] {
        &self.resources
    }

    /// The vendor's name for the type of each resource, in the same order.
    pub fn resource_types(&self) -> impl Iterator<Item = &str> {
        self.of_type.iter().map(|at| self.operation.resources[*at].kind.as_str())
    }

    /// Condition keys that the vendor may supply for this call and the gateway cannot.
    pub fn unknown_keys(&self) -> &Arc<UnknownKeys> {
        let filters = self.operation.tags == RequestTags::Filter
            && self.parameters.iter().any(|given| given.name.starts_with("Tag."));
        if filters { &self.operation.unknown_in_filter } else { &self.operation.unknown }
    }

    /// Adds the tags that the call itself sets: `acs:RequestTag/…` and `acs:TagKeys`. What the context has already
    /// stays as it is.
    pub fn add_request_tags(&self, context: &mut Context) {
        self.operation.add_request_tags(&self.parameters, context);
    }

    /// Names that were sent, verified, and do not go on.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

impl Operation {
    /// [`Call::add_request_tags`], of parameters that were not bound.
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
    /// Empty where the call gives none.
    pub(super) value: &'a str,
}

/// The tags among the parameters of a call, in their order. An empty key sets no tag.
pub(super) fn tags(parameters: &Parameters) -> impl Iterator<Item = RequestTag<'_>> {
    parameters.iter().filter_map(|given| {
        let index = given.name.strip_prefix("Tag.")?.strip_suffix(".Key")?;
        let of_index =
            |name: &str| name.strip_prefix("Tag.").and_then(|rest| rest.strip_suffix(".Value")) == Some(index);
        let value = parameters.iter().find(|other| of_index(other.name)).map_or("", |other| other.value);
        (!given.value.is_empty()).then_some(RequestTag { name: given.name, key: given.value, value })
    })
}
