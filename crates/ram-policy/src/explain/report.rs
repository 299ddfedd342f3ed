//! A proof as data: for `--format json`, and for the audit log in the shape of RAM's own diagnosis.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::document::policy_document::Digest;
use crate::explain::proof::{Finding, LayerProof, Proof, ResourceProof};
use crate::explain::words::Words;
use crate::judge::set::StatementRef;
use crate::judge::verdict::{Grounds, LayerKind, Verdict};
use crate::language::condition::ConditionMismatch;
use crate::language::effect::Effect;
use crate::language::mismatch::Mismatch;

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
    /// Keys that a policy asked for and the request lacked.
    pub missing_keys: Vec<String>,
    pub resources: Vec<ResourceReport<'a>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceReport<'a> {
    pub auth_resource: String,
    pub verdict: Verdict,
    /// `Policies`, `Unknown`, `Ownership`, `ForeignAccount`, `Quarantine` or `Configured`.
    pub grounds: &'static str,
    /// What is known of the resource itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(rename = "Facts")]
    pub attributes: BTreeMap<String, String>,
    pub matched_policies: Vec<MatchedPolicy<'a>>,
    pub layers: Vec<LayerReport>,
}

/// One layer by itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LayerReport {
    pub policy_type: &'static str,
    /// The level, or the resource group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Absent where the layer is not asked about the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    pub statements: Vec<StatementReport>,
}

/// A statement that decided: a row of `DecodeDiagnosticMessage` (`docs/spec/ram-policy.md` 7.3), with the place of the
/// statement and the digest of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MatchedPolicy<'a> {
    pub effect: Effect,
    pub policy_identifier: &'a str,
    pub policy_type: &'static str,
    pub attached_entity_type: &'static str,
    pub attached_scope: &'static str,
    pub statement: usize,
    pub digest: Digest,
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
    /// `Decides`, `Overruled`, or the check that failed, such as `ResourceId`.
    pub finding: &'static str,
    /// The same in words, where it does not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Proof<'_> {
    pub fn report(&self) -> Report<'_> {
        let decisive = self.decisive().filter(|_| self.verdict() != Verdict::Allow);
        let refusing = match (self.verdict(), decisive) {
            (Verdict::Allow, _) => None,
            (_, None) => Some(LayerKind::AccountIdentity),
            (_, Some(decisive)) => Some(decisive.judged.grounds.layer()),
        };
        Report {
            verdict: self.verdict(),
            policy_type: refusing.map(LayerKind::policy_type),
            reason: self.summary().to_string(),
            missing_keys: self.missing_keys().into_iter().map(str::to_owned).collect(),
            resources: self.resources().iter().map(ResourceReport::new).collect(),
        }
    }
}

impl<'a> ResourceReport<'a> {
    fn new(proof: &'a ResourceProof<'a>) -> Self {
        let attributes = proof.attributes.into_iter().flat_map(crate::context::table::Context::iter);
        Self {
            auth_resource: proof.resource.as_str().to_owned(),
            verdict: proof.judged.verdict,
            grounds: match proof.judged.grounds {
                Grounds::Ownership => "Ownership",
                Grounds::ForeignAccount => "ForeignAccount",
                Grounds::Quarantine => "Quarantine",
                Grounds::Configured => "Configured",
                Grounds::NotDenied => "NotDenied",
                Grounds::Unknown(_) => "Unknown",
                Grounds::Policies(_) => "Policies",
            },
            attributes: attributes.map(|(key, value)| (key.to_string(), value.text().into_owned())).collect(),
            matched_policies: proof.deciding().map(|(kind, at)| MatchedPolicy::new(kind, at)).collect(),
            layers: proof.layers.iter().map(LayerReport::new).collect(),
        }
    }
}

impl LayerReport {
    fn new(layer: &LayerProof<'_>) -> Self {
        Self {
            policy_type: layer.kind.policy_type(),
            name: layer.name.map(str::to_owned),
            verdict: layer.verdict,
            statements: layer.findings.iter().map(|(at, finding)| StatementReport::new(*at, *finding)).collect(),
        }
    }
}

impl<'a> MatchedPolicy<'a> {
    pub fn new(layer: LayerKind, at: StatementRef<'a>) -> Self {
        Self {
            effect: at.statement.effect(),
            policy_identifier: at.document.name(),
            policy_type: "Custom",
            attached_entity_type: at.set.to().entity_type(),
            attached_scope: layer.scope(),
            statement: at.statement.index(),
            digest: at.document.digest(),
        }
    }
}

impl StatementReport {
    fn new(at: StatementRef<'_>, finding: Finding) -> Self {
        let (finding, reason) = match finding {
            Finding::Decides => ("Decides", None),
            Finding::Overruled => ("Overruled", None),
            Finding::Misses(mismatch) => {
                (check(mismatch), Some(Words { mismatch, statement: at.statement }.to_string()))
            }
        };
        Self {
            effect: at.statement.effect(),
            policy_identifier: at.document.name().to_owned(),
            statement: at.statement.index(),
            sid: at.statement.sid().map(str::to_owned),
            file: at.document.file().to_owned(),
            line: at.statement.line(),
            finding,
            reason,
        }
    }
}

fn check(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::ResourceGroup => "ResourceGroup",
        Mismatch::Action => "Action",
        Mismatch::Service => "Service",
        Mismatch::Region => "Region",
        Mismatch::Account => "Account",
        Mismatch::ResourceType => "ResourceType",
        Mismatch::ResourceId => "ResourceId",
        Mismatch::ResourceUnknown => "ResourceUnknown",
        Mismatch::ResourceGroupUnknown => "ResourceGroupUnknown",
        Mismatch::Condition { reason: ConditionMismatch::KeyUnknown, .. } => "ConditionKeyUnknown",
        Mismatch::Condition { reason: ConditionMismatch::KeyMissing, .. } => "ConditionKeyMissing",
        Mismatch::Condition { reason: ConditionMismatch::ValueUnreadable, .. } => "ConditionValueUnreadable",
        Mismatch::Condition { reason: ConditionMismatch::ValueDiffers, .. } => "ConditionValueDiffers",
    }
}
