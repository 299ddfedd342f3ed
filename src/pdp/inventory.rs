//! What is known of resources: their tags and resource groups, by account and relative id.

use std::collections::{BTreeMap, HashMap};

use crate::ram::{AccountId, Context, Resource};

/// The resources of a directory. Of a resource that is not in it, nothing is known: it has no tags.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    accounts: HashMap<Box<str>, BTreeMap<String, Context>>,
}

impl Inventory {
    pub fn new(accounts: impl IntoIterator<Item = (AccountId, BTreeMap<String, Context>)>) -> Self {
        let accounts = accounts.into_iter().map(|(account, resources)| (account.as_str().into(), resources));
        Self { accounts: accounts.collect() }
    }

    /// One context for each resource, in their order.
    pub fn facts(&self, resources: &[Resource<'_>]) -> Vec<Context> {
        resources.iter().map(|resource| self.of(resource).cloned().unwrap_or_default()).collect()
    }

    fn of(&self, resource: &Resource<'_>) -> Option<&Context> {
        let fields = resource.fields().filter(|_| resource.is_one())?;
        self.accounts.get(fields.account)?.get(fields.relative)
    }

    pub fn is_empty(&self) -> bool {
        self.accounts.values().all(BTreeMap::is_empty)
    }
}
