//! `account.toml` as a person writes it (design 5.1).

use std::collections::BTreeMap;

use toml::Spanned;

pub(super) type Text = Spanned<String>;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenAccount {
    pub(super) schema: Option<Spanned<u32>>,
    pub(super) account: Option<Text>,
    #[serde(default)]
    pub(super) users: BTreeMap<Text, WrittenUser>,
    #[serde(default)]
    pub(super) groups: BTreeMap<Text, WrittenGroup>,
    #[serde(default)]
    pub(super) roles: BTreeMap<Text, WrittenRole>,
    #[serde(default)]
    pub(super) control: Vec<WrittenLevel>,
    #[serde(default)]
    pub(super) quarantine: Vec<WrittenQuarantine>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenUser {
    pub(super) id: Option<Text>,
    #[serde(default)]
    pub(super) groups: Vec<Text>,
    #[serde(default)]
    pub(super) policies: Vec<Text>,
    #[serde(default)]
    pub(super) scoped: Vec<WrittenScoped>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGroup {
    #[serde(default)]
    pub(super) policies: Vec<Text>,
    #[serde(default)]
    pub(super) scoped: Vec<WrittenScoped>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRole {
    pub(super) id: Option<Text>,
    #[serde(default)]
    pub(super) policies: Vec<Text>,
    #[serde(default)]
    pub(super) scoped: Vec<WrittenScoped>,
    /// Control policies do not bind such a role (`spec/ram-policy.md` 6.2).
    #[serde(default)]
    pub(super) service_linked: bool,
    /// The document that says who may assume it.
    pub(super) trust: Option<Text>,
    /// In seconds, as RAM has it.
    pub(super) max_session_duration: Option<Spanned<u64>>,
}

/// Policies that act on the resources of one resource group only.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenScoped {
    pub(super) resource_group: Text,
    pub(super) policies: Vec<Text>,
}

/// A level of the resource directory.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLevel {
    pub(super) level: Text,
    pub(super) policies: Vec<Text>,
}

/// A document that RAM once took and that does not load.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenQuarantine {
    pub(super) policy: Text,
    pub(super) reason: Text,
    /// The last day.
    pub(super) until: Text,
}
