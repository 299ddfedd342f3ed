//! The keys of `account.toml` as written, before they are checked.

use std::collections::BTreeMap;

use toml::Spanned;

pub(super) type Text = Spanned<String>;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccount {
    pub(super) schema: Option<Spanned<u32>>,
    pub(super) account: Option<Text>,
    #[serde(default)]
    pub(super) users: BTreeMap<Text, RawUser>,
    #[serde(default)]
    pub(super) groups: BTreeMap<Text, RawGroup>,
    #[serde(default)]
    pub(super) roles: BTreeMap<Text, RawRole>,
    #[serde(default)]
    pub(super) control: Vec<RawLevel>,
    #[serde(default)]
    pub(super) quarantine: Vec<RawQuarantine>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUser {
    pub(super) id: Option<Text>,
    #[serde(default)]
    pub(super) groups: Vec<Text>,
    #[serde(default)]
    pub(super) policies: Vec<Text>,
    #[serde(default)]
    pub(super) scoped: Vec<RawScoped>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    #[serde(default)]
    pub(super) policies: Vec<Text>,
    #[serde(default)]
    pub(super) scoped: Vec<RawScoped>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRole {
    pub(super) id: Option<Text>,
    #[serde(default)]
    pub(super) policies: Vec<Text>,
    #[serde(default)]
    pub(super) scoped: Vec<RawScoped>,
    /// Control policies do not bind such a role (`docs/spec/ram-policy.md` 6.2).
    #[serde(default)]
    pub(super) service_linked: bool,
    /// The name of its trust policy.
    pub(super) trust: Option<Text>,
    /// In seconds, as in RAM.
    pub(super) max_session_duration: Option<Spanned<u64>>,
}

/// Policies that act on the resources of one resource group only.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScoped {
    pub(super) resource_group: Text,
    pub(super) policies: Vec<Text>,
}

/// A level of the resource directory.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLevel {
    pub(super) level: Text,
    pub(super) policies: Vec<Text>,
}

/// A document that RAM accepted but that does not load here.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuarantine {
    pub(super) policy: Text,
    pub(super) reason: Text,
    /// The last day of the quarantine.
    pub(super) until: Text,
}
