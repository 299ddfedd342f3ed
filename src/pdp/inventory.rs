//! The tags and resource groups of resources, and their form in files.

use std::collections::{BTreeMap, HashMap};

use ram_policy::{AccountId, Context, ContextKey, Diagnostic, Resource, Source};
use toml::Spanned;

/// The resources of the policy directories, by account and relative id. A resource that is not listed has no tags and
/// no resource group.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    accounts: HashMap<Box<str>, BTreeMap<String, Context>>,
}

impl Inventory {
    /// An inventory of each account's resources, by relative id.
    pub fn new(accounts: impl IntoIterator<Item = (AccountId, BTreeMap<String, Context>)>) -> Self {
        let accounts = accounts.into_iter().map(|(account, resources)| (account.as_str().into(), resources));
        Self { accounts: accounts.collect() }
    }

    /// The attributes of each resource, in the same order.
    pub fn attributes(&self, resources: &[Resource<'_>]) -> Vec<Context> {
        resources.iter().map(|resource| self.of(resource).cloned().unwrap_or_default()).collect()
    }

    fn of(&self, resource: &Resource<'_>) -> Option<&Context> {
        let fields = resource.fields().filter(|_| resource.is_one())?;
        self.accounts.get(fields.account)?.get(fields.relative)
    }

    /// Whether no resource is listed.
    pub fn is_empty(&self) -> bool {
        self.accounts.values().all(BTreeMap::is_empty)
    }
}

/// The table `["eni/ID"]` of a resource: its tags and its resource group.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawResource {
    #[serde(default)]
    tags: BTreeMap<Spanned<String>, String>,
    resource_group: Option<Spanned<String>>,
}

impl RawResource {
    /// The attributes that conditions see.
    pub(crate) fn attributes(self, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Context {
        let mut attributes = Context::default();
        for (key, value) in self.tags {
            let is_valid = !key.get_ref().is_empty() && !key.get_ref().chars().any(char::is_control);
            if !is_valid {
                diagnostics.push(source.error(
                    key.span(),
                    "a tag key is empty or contains a control character",
                    "write the key as the console shows it",
                ));
            }
            attributes.add(ContextKey::tag(key.get_ref()), value.as_str());
        }
        if let Some(group) = self.resource_group {
            if !is_resource_group(group.get_ref()) {
                let title = format!("`{}` is not a resource group id", group.get_ref());
                diagnostics.push(source.error(group.span(), title, "write an id such as `rg-acfmxazb4ph6aiy`"));
            }
            attributes.add(ContextKey::ResourceGroupId, group.get_ref().as_str());
        }
        attributes
    }
}

/// Whether a text can be a resource group id. The vendor does not document their form.
pub(crate) fn is_resource_group(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a text is a type and an id: `eni/eni-1`.
pub(crate) fn is_relative_id(text: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let part = |part: &str| !part.is_empty() && part.bytes().all(character);
    text.split_once('/').is_some_and(|(kind, id)| part(kind) && part(id))
}
