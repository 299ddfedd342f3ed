//! Writes a `[[case]]` that kills a mutant, ready to be pasted into a suite.

use std::fmt::Write as _;

use crate::catalog::Catalog;
use ram_policy::{Context, ContextKey, ValueRef};

use super::expected::ExpectedVerdict;
use super::mutate::Change;
use super::witness::Witness;

/// A case that passes under the original policies and fails under the change.
pub(super) fn suggest_case(witness: &Witness, change: &Change, one_account: bool) -> String {
    let mut text = String::from("[[case]]\n");
    let mut add = |key: &str, value: String| {
        let _ = writeln!(text, "{key} = {value}");
    };
    add("name", quoted(&format!("{}: {}", change.statement, change.what.replace('`', "'"))));
    let identity = witness.principal.identity();
    let principal =
        if one_account { identity.to_string() } else { format!("{}:{identity}", witness.principal.account()) };
    add("principal", quoted(&principal));
    if !std::sync::Arc::ptr_eq(&witness.operation, Catalog::attach()) {
        add("operation", quoted(witness.operation.name()));
    }
    let mut others = Vec::new();
    for (name, value) in &witness.parameters {
        match name.as_str() {
            "RegionId" => add("region", quoted(value)),
            "NetworkInterfaceId" => add("eni", quoted(value)),
            "InstanceId" => add("instance", quoted(value)),
            name => others.push(format!("{} = {}", key(name), quoted(value))),
        }
    }
    // An operation without these parameters must not take them from the suite's defaults.
    let sent = |name: &str| witness.parameters.iter().any(|(sent, _)| sent == name);
    for (name, key) in [("NetworkInterfaceId", "enis"), ("InstanceId", "instances")] {
        if !sent(name) {
            add(key, "[]".to_owned());
        }
    }
    if !others.is_empty() {
        add("parameters", format!("{{ {} }}", others.join(", ")));
    }
    let now = witness.context.values(&ContextKey::CurrentTime).next();
    if let Some(now) = now {
        add("now", quoted(&now.text()));
    }
    let known = pairs(&witness.context.without(&ContextKey::CurrentTime), |key| Some(key.to_string()));
    let absent = witness.absent.iter().map(|key| format!("{} = []", quoted(&key.to_string())));
    let context: Vec<String> = [known].into_iter().filter(|known| !known.is_empty()).chain(absent).collect();
    if !context.is_empty() {
        add("context", format!("{{ {} }}", context.join(", ")));
    }
    if !witness.attributes.is_empty() {
        let stated =
            witness.attributes.iter().map(|(id, attributes)| format!("{} = {}", quoted(id), resource(attributes)));
        add("resources", format!("{{ {} }}", stated.collect::<Vec<_>>().join(", ")));
    }
    add("expect", quoted(ExpectedVerdict::from(witness.original).as_str()));
    text.truncate(text.trim_end().len());
    let _ = write!(text, "   # the changed policy says {}", ExpectedVerdict::from(witness.changed));
    text
}

fn resource(attributes: &Context) -> String {
    let tags = pairs(attributes, |key| match key {
        ContextKey::ResourceTag(tag) => Some(tag.to_string()),
        _ => None,
    });
    let mut parts = Vec::new();
    if !tags.is_empty() {
        parts.push(format!("tags = {{ {tags} }}"));
    }
    if let Some(group) = attributes.values(&ContextKey::ResourceGroupId).next() {
        parts.push(format!("resource_group = {}", quoted(&group.text())));
    }
    if parts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
}

/// `key = "value"` for each key that `name` has a name for. A key with several values gets a list.
fn pairs(attributes: &Context, name: impl Fn(&ContextKey) -> Option<String>) -> String {
    let mut keys: Vec<&ContextKey> = Vec::new();
    for (key, _) in attributes.iter() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let pair = |of: &ContextKey| {
        let values: Vec<String> = attributes.values(of).map(|value: ValueRef<'_>| quoted(&value.text())).collect();
        let value = match &values[..] {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        Some(format!("{} = {value}", quoted(&name(of)?)))
    };
    keys.into_iter().filter_map(pair).collect::<Vec<_>>().join(", ")
}

fn key(name: &str) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { name.to_owned() } else { quoted(name) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
