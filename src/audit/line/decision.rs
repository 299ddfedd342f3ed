//! The decision in a line, with the names of RAM's own diagnosis (`docs/spec/ram-policy.md` 7.3).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::gateway::Verdict;
use super::text::{displayed, text};

/// The decision of the policies, and the values it is based on.
///
/// A reader gets texts. The writer has the engine's values instead, which are written as the same texts: `S` is a
/// statement (the writer's is [`ram_policy::MatchedPolicy`]), and `K` a condition key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "PascalCase",
    bound(serialize = "S: Serialize, K: fmt::Display", deserialize = "S: Deserialize<'de>, K: Deserialize<'de>")
)]
pub struct Decision<'a, S = MatchedStatement<'a>, K = Cow<'a, str>> {
    /// Such as `ecs:AttachNetworkInterface`.
    #[serde(rename = "AuthAction")]
    pub action: Cow<'a, str>,
    #[serde(default)]
    pub explicit_deny: bool,
    /// The kind of policy that refused the call.
    #[serde(
        rename = "NoPermissionPolicyType",
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub policy_type: Option<Cow<'a, str>>,
    /// The condition keys of the request, and their values. Absent for a role's trust policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_conditions: Option<Vec<Condition<'a, K>>>,
    #[serde(default = "Vec::new")]
    pub resources: Vec<JudgedResource<'a, S, K>>,
}

/// A condition key and all its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "K: fmt::Display", deserialize = "K: Deserialize<'de>"))]
pub struct Condition<'a, K = Cow<'a, str>> {
    #[serde(rename = "ConditionKey", serialize_with = "displayed")]
    pub key: K,
    #[serde(rename = "ConditionValues", default)]
    pub values: Vec<Cow<'a, str>>,
}

/// One resource of the request, and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize, K: fmt::Display", deserialize = "S: Deserialize<'de>, K: Deserialize<'de>"))]
pub struct JudgedResource<'a, S = MatchedStatement<'a>, K = Cow<'a, str>> {
    #[serde(rename = "AuthResource")]
    pub arn: Cow<'a, str>,
    #[serde(rename = "Verdict")]
    pub verdict: Verdict,
    /// Tags and the resource group. Absent if no policy depends on them, so that they were not read; empty if the
    /// resource has neither.
    #[serde(rename = "ResourceConditions", skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition<'a, K>>>,
    /// The statements that decided.
    #[serde(rename = "MatchedPolicies", default = "Vec::new")]
    pub matched: Vec<S>,
    /// The reason for a refusal if no statement is known to deny.
    #[serde(rename = "PossibleDeny", skip_serializing_if = "Option::is_none")]
    pub possible_deny: Option<PossibleDeny<'a, S>>,
}

/// A Deny that could not be ruled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PossibleDeny<'a, S = MatchedStatement<'a>> {
    #[serde(rename = "Policy")]
    pub statement: S,
    /// The unknown condition key, as the policy spells it; `None` if the resource or its group was unknown.
    #[serde(rename = "UnknownKey", skip_serializing_if = "Option::is_none")]
    pub unknown_key: Option<Cow<'a, str>>,
}

/// A statement that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedStatement<'a> {
    /// `Allow` or `Deny`.
    #[serde(rename = "Effect")]
    pub effect: Cow<'a, str>,
    #[serde(rename = "PolicyIdentifier")]
    pub policy: Cow<'a, str>,
    /// `Custom`, `System`, `AssumeRolePolicy`, …
    #[serde(rename = "PolicyType", default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub policy_type: Option<Cow<'a, str>>,
    /// `RamUser`, `RamGroup`, `RamRole`, …
    #[serde(
        rename = "AttachedEntityType",
        default,
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub attached_to: Option<Cow<'a, str>>,
    /// `Account`, or a resource group.
    #[serde(rename = "AttachedScope", default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub scope: Option<Cow<'a, str>>,
    /// Counted from 0.
    #[serde(rename = "Statement", skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// The digest of the policy's document.
    #[serde(rename = "Digest", default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub digest: Option<Cow<'a, str>>,
}

impl<'a, S, K> Decision<'a, S, K> {
    /// The condition keys of the request, and their values.
    pub fn conditions(&self) -> &[Condition<'a, K>] {
        self.auth_conditions.as_deref().unwrap_or_default()
    }

    /// Every statement that decided, for any of the resources.
    pub fn matched(&self) -> impl Iterator<Item = &S> {
        self.resources.iter().flat_map(|resource| &resource.matched)
    }

    /// Every Deny that could not be ruled out, for any of the resources.
    pub fn possible_denies(&self) -> impl Iterator<Item = &PossibleDeny<'a, S>> {
        self.resources.iter().filter_map(|resource| resource.possible_deny.as_ref())
    }
}

impl MatchedStatement<'_> {
    /// `OfficeOnly#1`: the statement's name in all messages of this program.
    pub fn place(&self) -> String {
        match self.statement {
            Some(statement) => format!("{}#{statement}", self.policy),
            None => self.policy.clone().into_owned(),
        }
    }
}
