//! What a person writes of a resource: its tags and its resource group (design 5.1).

use std::collections::BTreeMap;

use toml::Spanned;

use crate::ram::{Context, ContextKey};
use crate::source::{Complaint, Source};

/// The value of a `["eni/ID"]`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenResource {
    #[serde(default)]
    tags: BTreeMap<Spanned<String>, String>,
    resource_group: Option<Spanned<String>>,
}

impl WrittenResource {
    /// The facts that conditions see.
    pub fn facts(self, source: &Source, complaints: &mut Vec<Complaint>) -> Context {
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
pub fn is_resource_group(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A type and an id: `eni/eni-1`.
pub fn is_relative_id(text: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let part = |part: &str| !part.is_empty() && part.bytes().all(character);
    text.split_once('/').is_some_and(|(kind, id)| part(kind) && part(id))
}
