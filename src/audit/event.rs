//! One event in the shape of ActionTrail, ours under `additionalEventData.gateway` (`spec/ecs-eni.md` C.1 and C.4).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Call, Refusal};
use crate::policy::{Decision, MatchedPolicy, Verdict};
use crate::ram::{AccessKeyId, Identity, Request};

use super::attempt::{Attempt, Reached};
use super::journal::JournalIdentity;

/// No text of a caller's is written longer.
const LONGEST_TEXT: usize = 256;
/// No more parameters of a caller's are written.
const MOST_PARAMETERS: usize = 100;

/// What a caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// Why, in our words; the caller may have been told less.
    pub reason: String,
    pub refusal: Refusal,
}

/// What the upstream made of a forwarded call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    pub endpoint: String,
    /// What the caller got.
    pub status: u16,
    /// None when no answer came.
    pub request_id: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    /// From sending to the answer.
    pub latency: Duration,
    /// Why there is no answer of the upstream's to pass on.
    pub failure: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Stage {
    Decision,
    Outcome,
    Summary,
}

/// What the policies said, and on what.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) call: &'a Call,
    pub(super) request: &'a Request,
    pub(super) decision: &'a Decision,
    pub(super) revision: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    event_id: &'a str,
    event_version: &'static str,
    event_category: &'static str,
    event_type: &'static str,
    event_name: String,
    #[serde(rename = "eventRW", skip_serializing_if = "Option::is_none")]
    event_rw: Option<&'static str>,
    service_name: String,
    api_version: String,
    event_source: String,
    acs_region: String,
    event_time: String,
    request_id: String,
    source_ip_address: String,
    user_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_account_id: Option<String>,
    user_identity: UserIdentity,
    request_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_elements: Option<BTreeMap<&'static str, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    referenced_resources: BTreeMap<String, Vec<String>>,
    additional_event_data: Additional<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserIdentity {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
}

#[derive(Serialize)]
struct Additional<'a> {
    #[serde(rename = "Scheme")]
    scheme: &'static str,
    gateway: Gateway<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gateway<'a> {
    stage: Stage,
    r#final: bool,
    mode: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    signature: Signature,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<WrittenDecision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    chain: &'a str,
    replica: &'a str,
}

#[derive(Serialize)]
struct Signature {
    scheme: &'static str,
    verified: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenDecision {
    auth_action: String,
    explicit_deny: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_permission_policy_type: Option<&'static str>,
    auth_conditions: Vec<Condition>,
    resources: Vec<Resource>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    condition_key: String,
    condition_values: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    auth_resource: String,
    verdict: Verdict,
    matched_policies: Vec<MatchedPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Upstream {
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    status: u16,
    latency_ms: u64,
}

impl<'a> Event<'a> {
    pub(super) fn new(
        attempt: &'a Attempt,
        identity: &'a JournalIdentity,
        stage: Stage,
        verdict: &'static str,
    ) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(bounded).unwrap_or_default();
        let authenticated = attempt.reached >= Reached::Authenticated;
        let signature =
            Signature { scheme: attempt.scheme.map_or("none", |scheme| scheme.as_str()), verified: authenticated };
        let parameters = attempt.parameters.iter().take(MOST_PARAMETERS);
        Self {
            event_id: &attempt.id,
            event_version: "1",
            event_category: "Management",
            event_type: "ApiCall",
            event_name: text(&attempt.operation),
            event_rw: None,
            service_name: "Ecs".to_owned(),
            api_version: text(&attempt.version),
            event_source: text(&attempt.host),
            acs_region: text(&attempt.region),
            event_time: whole_seconds(attempt.at),
            request_id: attempt.id.clone(),
            source_ip_address: attempt.source.to_string(),
            user_agent: text(&attempt.user_agent),
            recipient_account_id: attempt.caller.as_ref().map(|caller| caller.principal.account.to_string()),
            user_identity: UserIdentity::of(attempt),
            request_parameters: parameters.map(|(name, value)| (bounded(name), bounded(value))).collect(),
            response_elements: None,
            error_code: None,
            error_message: None,
            resource_type: None,
            resource_name: None,
            referenced_resources: BTreeMap::new(),
            additional_event_data: Additional {
                scheme: attempt.transport,
                gateway: Gateway {
                    stage,
                    r#final: true,
                    mode: "enforce",
                    verdict,
                    reason: None,
                    refusal: None,
                    signature,
                    decision: None,
                    policy_revision: None,
                    left_out: attempt.left_out.iter().map(|name| bounded(name)).collect(),
                    upstream: None,
                    http_status: None,
                    chain: &identity.chain,
                    replica: &identity.replica,
                },
            },
        }
    }

    /// More is to come for this attempt.
    pub(super) fn not_final(mut self) -> Self {
        self.additional_event_data.gateway.r#final = false;
        self
    }

    pub(super) fn with_reason(mut self, reason: &str) -> Self {
        self.additional_event_data.gateway.reason = Some(bounded(reason));
        self
    }

    pub(super) fn with_judgement(mut self, judged: Judged<'a>) -> Self {
        let operation = judged.call.operation();
        self.service_name = operation.product().to_owned();
        self.event_rw = Some(operation.access().event_rw());
        for (kind, resource) in judged.call.resource_types().zip(judged.call.resources()) {
            let kind = format!("ACS::ECS::{kind}");
            let name = resource.fields().map_or("*", |fields| fields.relative);
            let name = name.split_once('/').map_or(name, |(_, id)| id).to_owned();
            self.referenced_resources.entry(kind.clone()).or_default().push(name.clone());
            join(&mut self.resource_type, &kind);
            join(&mut self.resource_name, &name);
        }
        let gateway = &mut self.additional_event_data.gateway;
        gateway.decision = Some(WrittenDecision::new(judged.request, judged.decision));
        gateway.policy_revision = Some(judged.revision);
        self
    }

    pub(super) fn with_answer(mut self, answered: &Answered) -> Self {
        self.error_code = Some(answered.code.clone());
        self.error_message = Some(bounded(&answered.message));
        let gateway = &mut self.additional_event_data.gateway;
        gateway.refusal = Some(answered.refusal);
        gateway.http_status = Some(answered.status);
        self.with_reason(&answered.reason)
    }

    pub(super) fn with_outcome(mut self, forwarded: &Forwarded) -> Self {
        if let Some(id) = &forwarded.request_id {
            self.request_id = bounded(id);
            if forwarded.code.is_none() {
                self.response_elements = Some(BTreeMap::from([("RequestId", bounded(id))]));
            }
        }
        self.error_code = forwarded.code.as_deref().map(bounded);
        self.error_message = forwarded.message.as_deref().map(bounded);
        let gateway = &mut self.additional_event_data.gateway;
        gateway.reason = forwarded.failure.as_deref().map(bounded);
        gateway.http_status = Some(forwarded.status);
        gateway.upstream = Some(Upstream {
            endpoint: forwarded.endpoint.clone(),
            request_id: forwarded.request_id.as_deref().map(bounded),
            status: forwarded.status,
            latency_ms: u64::try_from(forwarded.latency.as_millis()).unwrap_or(u64::MAX),
        });
        self
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("text and numbers make JSON")
    }
}

impl UserIdentity {
    fn of(attempt: &Attempt) -> Self {
        let masked = attempt.claimed_key.as_deref().map(AccessKeyId::mask);
        let Some(caller) = &attempt.caller else {
            let nothing = || None;
            return Self {
                kind: "unknown",
                principal_id: nothing(),
                account_id: nothing(),
                access_key_id: masked,
                user_name: nothing(),
            };
        };
        let account = caller.principal.account.to_string();
        let (kind, name) = match &caller.principal.identity {
            Identity::Root => ("root-account", "root".to_owned()),
            Identity::User(name) => ("ram-user", name.to_string()),
            Identity::Role(name) => ("assumed-role", name.to_string()),
        };
        let id = if caller.principal.is_root() { Some(account.clone()) } else { attempt.caller_id.clone() };
        let key = Some(caller.access_key.masked());
        Self { kind, principal_id: id, account_id: Some(account), access_key_id: key, user_name: Some(name) }
    }
}

impl WrittenDecision {
    fn new(request: &Request, decision: &Decision) -> Self {
        let conditions = request.context.iter().map(|(key, values)| Condition {
            condition_key: key.as_str().to_owned(),
            condition_values: values.iter().map(|value| bounded(value)).collect(),
        });
        let resources = decision.judgements().map(|judgement| Resource {
            auth_resource: judgement.resource().as_str().to_owned(),
            verdict: judgement.verdict(),
            matched_policies: judgement.matched_policies(),
        });
        Self {
            auth_action: request.action.as_str().to_owned(),
            explicit_deny: decision.verdict() == Verdict::ExplicitDeny,
            no_permission_policy_type: decision.policy_type(),
            auth_conditions: conditions.collect(),
            resources: resources.collect(),
        }
    }
}

/// A caller's text, cut at a bound.
fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn join(list: &mut Option<String>, item: &str) {
    let text = list.get_or_insert_default();
    if !text.is_empty() {
        text.push(';');
    }
    text.push_str(item);
}

fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
