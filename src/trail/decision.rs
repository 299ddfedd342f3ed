//! The decision as it stands in a line, in RAM's own words for a diagnosis (`spec/ram-policy.md` 7.3).

use serde::Deserialize;

use super::gateway::Verdict;
use super::text::Text;

/// What the policies said, and on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// `ecs:AttachNetworkInterface`
    pub action: String,
    pub explicit_deny: bool,
    /// Of the layer that refused.
    pub policy_type: Option<String>,
    /// What was known of the request.
    pub conditions: Vec<Condition>,
    pub resources: Vec<JudgedResource>,
}

/// A key and all its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub key: String,
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedResource {
    pub arn: String,
    pub verdict: Verdict,
    /// Tags and the resource group; none where no policy asked for them, so that they are not known.
    pub conditions: Option<Vec<Condition>>,
    /// The statements that decided.
    pub matched: Vec<MatchedStatement>,
    /// What a refusal rests on where no statement is known to deny.
    pub possible_deny: Option<PossibleDeny>,
}

/// A Deny that could not be ruled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossibleDeny {
    pub statement: MatchedStatement,
    /// The condition key that was not known; `None` if it was the resource or its group.
    pub unknown_key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedStatement {
    /// `Allow` or `Deny`
    pub effect: String,
    pub policy: String,
    /// `Custom`, `System`, `AssumeRolePolicy`, …
    pub policy_type: Option<String>,
    /// `RamUser`, `RamGroup`, `RamRole`, …
    pub attached_to: Option<String>,
    /// `Account`, or a resource group.
    pub scope: Option<String>,
    /// Counted from 0.
    pub statement: Option<usize>,
    /// Of the policy's document.
    pub digest: Option<String>,
}

impl Decision {
    /// Every statement that decided, for whichever resource.
    pub fn matched(&self) -> impl Iterator<Item = &MatchedStatement> {
        self.resources.iter().flat_map(|resource| &resource.matched)
    }

    /// Every Deny that could not be ruled out, for whichever resource.
    pub fn possible_denies(&self) -> impl Iterator<Item = &PossibleDeny> {
        self.resources.iter().filter_map(|resource| resource.possible_deny.as_ref())
    }
}

impl MatchedStatement {
    /// `OfficeOnly#1`, as this program names a statement.
    pub fn place(&self) -> String {
        match self.statement {
            Some(statement) => format!("{}#{statement}", self.policy),
            None => self.policy.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WrittenDecision {
    auth_action: String,
    #[serde(default)]
    explicit_deny: bool,
    #[serde(default)]
    no_permission_policy_type: Text,
    #[serde(default)]
    auth_conditions: Vec<WrittenCondition>,
    #[serde(default)]
    resources: Vec<WrittenResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenCondition {
    condition_key: String,
    #[serde(default)]
    condition_values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenResource {
    auth_resource: String,
    verdict: String,
    resource_conditions: Option<Vec<WrittenCondition>>,
    #[serde(default)]
    matched_policies: Vec<WrittenStatement>,
    possible_deny: Option<WrittenPossibleDeny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenPossibleDeny {
    policy: WrittenStatement,
    unknown_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenStatement {
    effect: String,
    policy_identifier: String,
    #[serde(default)]
    policy_type: Text,
    #[serde(default)]
    attached_entity_type: Text,
    #[serde(default)]
    attached_scope: Text,
    statement: Option<usize>,
    #[serde(default)]
    digest: Text,
}

impl From<WrittenDecision> for Decision {
    fn from(written: WrittenDecision) -> Self {
        Self {
            action: written.auth_action,
            explicit_deny: written.explicit_deny,
            policy_type: written.no_permission_policy_type.0,
            conditions: written.auth_conditions.into_iter().map(Condition::from).collect(),
            resources: written.resources.into_iter().map(JudgedResource::from).collect(),
        }
    }
}

impl From<WrittenCondition> for Condition {
    fn from(written: WrittenCondition) -> Self {
        Self { key: written.condition_key, values: written.condition_values }
    }
}

impl From<WrittenResource> for JudgedResource {
    fn from(written: WrittenResource) -> Self {
        Self {
            arn: written.auth_resource,
            verdict: Verdict::from(written.verdict),
            conditions: written.resource_conditions.map(|all| all.into_iter().map(Condition::from).collect()),
            matched: written.matched_policies.into_iter().map(MatchedStatement::from).collect(),
            possible_deny: written.possible_deny.map(PossibleDeny::from),
        }
    }
}

impl From<WrittenPossibleDeny> for PossibleDeny {
    fn from(written: WrittenPossibleDeny) -> Self {
        Self { statement: MatchedStatement::from(written.policy), unknown_key: written.unknown_key }
    }
}

impl From<WrittenStatement> for MatchedStatement {
    fn from(written: WrittenStatement) -> Self {
        Self {
            effect: written.effect,
            policy: written.policy_identifier,
            policy_type: written.policy_type.0,
            attached_to: written.attached_entity_type.0,
            scope: written.attached_scope.0,
            statement: written.statement,
            digest: written.digest.0,
        }
    }
}
