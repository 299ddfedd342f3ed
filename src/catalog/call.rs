//! A call with one reading: an operation, its checked parameters, and the resources it is judged on.

use std::sync::Arc;

use crate::ram::{AccountId, Parameters, Region, Resource};

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

    /// Names that were sent, verified, and do not go on.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}
