//! `resources.toml`: tags and resource groups of resources (design 5.1).

use std::collections::BTreeMap;

use toml::Spanned;

use crate::ram::{Context, ContextKey};
use crate::source::{Complaint, Source};

#[derive(serde::Deserialize)]
struct Written {
    schema: Option<Spanned<u32>>,
    #[serde(flatten)]
    resources: BTreeMap<Spanned<String>, WrittenResource>,
}

/// What is said of one resource.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenResource {
    #[serde(default)]
    tags: BTreeMap<Spanned<String>, String>,
    resource_group: Option<Spanned<String>>,
}

/// What is known of each resource, by its relative id.
///
/// # Errors
/// Every complaint about the text.
pub(super) fn read_resources(source: &Source) -> Result<BTreeMap<String, Context>, Vec<Complaint>> {
    let written: Written = toml::from_str(source.text()).map_err(|error| {
        let help = "write `[\"eni/ID\"]` or `[\"instance/ID\"]` with `tags` and `resource_group`";
        vec![source.error(error.span().unwrap_or(0..0), error.message().to_owned(), help)]
    })?;
    let mut complaints = Vec::new();
    if let Some(schema) = written.schema.filter(|schema| *schema.get_ref() != 1) {
        complaints.push(source.error(schema.span(), "the schema is unknown", "this program reads `schema = 1`"));
    }
    let mut known = BTreeMap::new();
    for (id, resource) in written.resources {
        if !is_relative_id(id.get_ref()) {
            let title = format!("`{}` is no relative id of a resource", id.get_ref());
            complaints.push(source.error(id.span(), title, "write `eni/ID` or `instance/ID`"));
        }
        known.insert(id.into_inner(), resource.facts(source, &mut complaints));
    }
    if complaints.is_empty() { Ok(known) } else { Err(complaints) }
}

impl WrittenResource {
    fn facts(self, source: &Source, complaints: &mut Vec<Complaint>) -> Context {
        let mut facts = Context::default();
        for (key, value) in self.tags {
            let key_is_one = !key.get_ref().is_empty() && !key.get_ref().chars().any(char::is_control);
            if !key_is_one {
                complaints.push(source.error(key.span(), "a tag key is empty or holds a control character", "mend it"));
            }
            facts.add(ContextKey::tag(key.get_ref()), value.as_str());
        }
        if let Some(group) = self.resource_group {
            if !is_resource_group(group.get_ref()) {
                let title = format!("`{}` is no id of a resource group", group.get_ref());
                complaints.push(source.error(group.span(), title, "write an id such as `rg-acfmxazb4ph6aiy`"));
            }
            facts.add(ContextKey::ResourceGroupId, group.get_ref().as_str());
        }
        facts
    }
}

/// An id without blanks: how the vendor makes them is nowhere stated.
pub(super) fn is_resource_group(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_relative_id(text: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let part = |part: &str| !part.is_empty() && part.bytes().all(character);
    text.split_once('/').is_some_and(|(kind, id)| part(kind) && part(id))
}
