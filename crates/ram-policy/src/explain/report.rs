//! A proof as data, in the shape of RAM's own diagnosis of a denial.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::document::policy_document::Digest;
use crate::explain::proof::{Finding, LayerProof, Proof, ResourceProof};
use crate::explain::words::Words;
use crate::judge::set::StatementRef;
use crate::judge::verdict::{Grounds, LayerKind, Verdict};
use crate::language::condition::ConditionMismatch;
use crate::language::effect::{Effect, Mismatch};

/// A proof as data, to be serialized. Made by [`Proof::report`].
///
/// Serialized names are in `PascalCase`, like those of RAM's API.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report<'a> {
    /// The verdict on the whole request.
    pub verdict: Verdict,
    /// The `PolicyType` of the denial; absent if the request is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_type: Option<&'static str>,
    /// The line of [`Proof::summary`].
    pub reason: String,
    /// The condition keys that a policy tests and the request lacks, in the spelling of the policy.
    pub missing_keys: Vec<String>,
    /// Each resource, in the order of the request.
    pub resources: Vec<ResourceReport<'a>>,
}

/// The judgement on one resource.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceReport<'a> {
    /// The ARN.
    pub auth_resource: String,
    /// The verdict on the resource.
    pub verdict: Verdict,
    /// The name of the [`Grounds`]: `Policies`, `Unknown`, `Ownership`, `ForeignAccount`, `Quarantine`, `Configured` or
    /// `NotDenied`.
    pub grounds: &'static str,
    /// The attributes of the resource in the request, such as its tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(rename = "Facts")]
    pub attributes: BTreeMap<String, String>,
    /// The statements that the verdict rests on.
    pub matched_policies: Vec<MatchedPolicy<'a>>,
    /// Every layer, in the order in which RAM evaluates them.
    pub layers: Vec<LayerReport>,
}

/// One layer by itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LayerReport {
    /// The layer, by its [`LayerKind::policy_type`].
    pub policy_type: &'static str,
    /// The name of the level, or the id of the resource group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The verdict of the layer by itself; absent if it is for a resource group that the resource is not in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Every statement of the layer, in the order of documents.
    pub statements: Vec<StatementReport>,
}

/// A statement that a verdict rests on: a row of `DecodeDiagnosticMessage` (`docs/spec/ram-policy.md` 7.3), with the
/// index of the statement and the digest of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MatchedPolicy<'a> {
    /// The effect of the statement.
    pub effect: Effect,
    /// The name of the policy.
    pub policy_identifier: &'a str,
    /// Always `Custom`.
    pub policy_type: &'static str,
    /// What the policy is attached to: see [`AttachedTo::entity_type`](crate::AttachedTo::entity_type).
    pub attached_entity_type: &'static str,
    /// The scope that the policy is attached at: see [`LayerKind::scope`].
    pub attached_scope: &'static str,
    /// The index of the statement in its document, from 0.
    pub statement: usize,
    /// The digest of the document.
    pub digest: Digest,
}

/// The finding on one statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatementReport {
    /// The effect of the statement.
    pub effect: Effect,
    /// The name of the policy.
    pub policy_identifier: String,
    /// The index of the statement in its document, from 0.
    pub statement: usize,
    /// The Sid, if the statement has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The name of the document's file.
    pub file: String,
    /// The line on which the statement begins, from 1.
    pub line: usize,
    /// `Decides`, `Overruled`, or the check that failed, such as `ResourceId`.
    pub finding: &'static str,
    /// Why the statement does not apply, in words; absent if it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Proof<'_> {
    /// The proof as data.
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
    /// The row for a statement of this layer.
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
