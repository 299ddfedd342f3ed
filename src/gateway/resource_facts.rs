//! What is known of the resources of a call: their tags and resource groups.

use crate::pdp::Inventory;
use crate::ram::{Context, Resource};

/// Where the facts come from (`[resources] source`).
#[derive(Debug)]
pub enum ResourceFacts {
    /// `resources.toml`.
    Inventory(Inventory),
}

impl ResourceFacts {
    /// One context for each resource, in their order.
    pub(super) fn of(&self, resources: &[Resource<'_>]) -> Vec<Context> {
        match self {
            Self::Inventory(inventory) => inventory.facts(resources),
        }
    }
}
