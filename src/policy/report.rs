//! A decision as data: for `--format json`, and for the audit log in the shape of RAM's own diagnosis.

use serde::Serialize;

use super::condition::ConditionFault;
use super::decision::{Decision, Finding, Grounds, Judgement, Verdict};
use super::explain::Words;
use super::layer::StatementRef;
use super::statement::{Effect, Mismatch};

/// The whole decision.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report<'a> {
    pub verdict: Verdict,
    /// Absent when the call is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_type: Option<&'static str>,
    /// The summary line.
    pub reason: String,
    pub resources: Vec<ResourceReport<'a>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceReport<'a> {
    pub auth_resource: String,
    pub verdict: Verdict,
    /// `Policies`, `Ownership` or `ForeignAccount`.
    pub grounds: &'static str,
    pub matched_policies: Vec<MatchedPolicy<'a>>,
    pub statements: Vec<StatementReport>,
}

/// A statement that decided: a row of `DecodeDiagnosticMessage` (`spec/ram-policy.md` 7.3), with the place of the
/// statement and the digest of its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MatchedPolicy<'a> {
    pub effect: Effect,
    pub policy_identifier: &'a str,
    pub policy_type: &'static str,
    pub attached_entity_type: &'static str,
    pub attached_scope: &'static str,
    pub statement: usize,
    pub digest: &'a str,
}

/// What became of one statement that was examined.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatementReport {
    pub effect: Effect,
    pub policy_identifier: String,
    pub statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    pub file: String,
    pub line: usize,
    pub layer: &'static str,
    /// `Decides`, `Overruled`, or the check that failed, such as `ResourceId`.
    pub finding: &'static str,
    /// The same in words, where it does not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Decision {
    pub fn report(&self) -> Report<'_> {
        Report {
            verdict: self.verdict(),
            policy_type: self.policy_type(),
            reason: self.summary().to_string(),
            resources: self.judgements().map(ResourceReport::new).collect(),
        }
    }
}

impl<'a> Judgement<'a> {
    /// The rows of the audit log.
    pub fn matched_policies(self) -> Vec<MatchedPolicy<'a>> {
        self.deciding().map(MatchedPolicy::new).collect()
    }
}

impl<'a> ResourceReport<'a> {
    fn new(judgement: Judgement<'a>) -> Self {
        Self {
            auth_resource: judgement.resource().as_str().to_owned(),
            verdict: judgement.verdict(),
            grounds: match judgement.grounds() {
                Grounds::Ownership => "Ownership",
                Grounds::ForeignAccount => "ForeignAccount",
                Grounds::Policies(_) => "Policies",
            },
            matched_policies: judgement.matched_policies(),
            statements: judgement.findings().map(|(at, finding)| StatementReport::new(at, finding)).collect(),
        }
    }
}

impl<'a> MatchedPolicy<'a> {
    fn new(at: StatementRef<'a>) -> Self {
        let document = &at.attachment.document;
        Self {
            effect: at.statement.effect(),
            policy_identifier: document.name(),
            policy_type: "Custom",
            attached_entity_type: at.attachment.to.entity_type(),
            attached_scope: at.layer.kind().scope(),
            statement: at.statement.index(),
            digest: document.digest(),
        }
    }
}

impl StatementReport {
    fn new(at: StatementRef<'_>, finding: Finding) -> Self {
        let document = &at.attachment.document;
        let (finding, reason) = match finding {
            Finding::Decides => ("Decides", None),
            Finding::Overruled => ("Overruled", None),
            Finding::Misses(mismatch) => {
                (check(mismatch), Some(Words { mismatch, statement: at.statement }.to_string()))
            }
        };
        Self {
            effect: at.statement.effect(),
            policy_identifier: document.name().to_owned(),
            statement: at.statement.index(),
            sid: at.statement.sid().map(str::to_owned),
            file: document.source().name().to_owned(),
            line: document.line(at.statement),
            layer: at.layer.kind().policy_type(),
            finding,
            reason,
        }
    }
}

fn check(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Action => "Action",
        Mismatch::Service => "Service",
        Mismatch::Region => "Region",
        Mismatch::Account => "Account",
        Mismatch::ResourceType => "ResourceType",
        Mismatch::ResourceId => "ResourceId",
        Mismatch::Condition { fault: ConditionFault::KeyMissing, .. } => "ConditionKeyMissing",
        Mismatch::Condition { fault: ConditionFault::ValueUnreadable, .. } => "ConditionValueUnreadable",
        Mismatch::Condition { fault: ConditionFault::ValueDiffers, .. } => "ConditionValueDiffers",
    }
}
