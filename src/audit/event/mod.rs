//! One event in the shape of ActionTrail, ours under `additionalEventData.gateway` (`spec/ecs-eni.md` C.1 and C.4).

mod length;

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::catalog::{Call, Refusal};
use crate::envelope::json_text;
use crate::policy::Verdict;
use crate::ram::{Identity, Origin, Proof};

use super::attempt::{Attempt, Reached};
use super::bounded::bounded;
use super::cut::Cut;
use super::granted::{Granted, ShownSession};
use super::notice::ShownCount;
use super::tag_key::TagKey;
use super::user_identity::{UserIdentity, key_of};

/// No more parameters of a caller's are written.
const MOST_PARAMETERS: usize = 100;

/// Who writes a log: in every line, so that merged logs can be told apart.
#[derive(Clone, Debug)]
pub struct JournalIdentity {
    pub chain: String,
    pub replica: String,
    /// What callers' keys are told apart with; without it, lines do not tag them.
    pub tags: Option<TagKey>,
}

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
    /// What the upstream answered, where the caller got something else.
    pub upstream_status: Option<u16>,
    /// None when no answer came.
    pub request_id: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    /// From sending to the answer.
    pub latency: Duration,
    /// Why the upstream's answer is not passed on, or why the upstream did not answer.
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
    pub(super) verdict: Verdict,
    pub(super) decision: &'a RawValue,
    /// What the written decision omits.
    pub(super) cut: Cut,
    pub(super) revision: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    event_id: &'a str,
    event_version: &'static str,
    event_category: &'static str,
    event_type: &'static str,
    event_name: Cow<'a, str>,
    #[serde(rename = "eventRW", skip_serializing_if = "Option::is_none")]
    event_rw: Option<&'static str>,
    service_name: &'a str,
    api_version: Cow<'a, str>,
    event_source: Cow<'a, str>,
    acs_region: Cow<'a, str>,
    event_time: String,
    request_id: Cow<'a, str>,
    source_ip_address: IpAddr,
    user_agent: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_account_id: Option<&'a str>,
    user_identity: UserIdentity<'a>,
    #[serde(serialize_with = "as_map")]
    request_parameters: &'a [(String, String)],
    #[serde(skip_serializing_if = "Option::is_none")]
    response_elements: Option<ResponseElements<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_lists")]
    referenced_resources: Vec<(String, &'a str)>,
    additional_event_data: Additional<'a>,
}

#[derive(Serialize)]
struct ResponseElements<'a> {
    #[serde(rename = "RequestId")]
    request_id: Cow<'a, str>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    signing: Option<&'static str>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    signature: Signature<'a>,
    /// The same for the same key in all lines of a log, where the id itself is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<ShownSession<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<Cow<'a, str>>,
    /// What the line leaves out because of its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<Cut>,
    /// Attempts that a line of stage `Summary` stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<ShownCount<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// Where it is not the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<IpAddr>,
    chain: &'a str,
    replica: &'a str,
}

#[derive(Serialize)]
struct Signature<'a> {
    scheme: &'static str,
    verified: bool,
    /// Of a token that was believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Upstream<'a> {
    endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Cow<'a, str>>,
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
        let text = |text: &'a Option<String>| text.as_deref().map(bounded).unwrap_or_default();
        let authenticated = attempt.reached >= Reached::Authenticated;
        let token = attempt.caller.as_ref().and_then(|caller| match &caller.proof {
            Proof::Token { issuer, subject } => Some((bounded(issuer), bounded(subject))),
            Proof::AccessKey(_) | Proof::ClaimedKey(_) | Proof::Certificate | Proof::Session(_) => None,
        });
        let session = attempt.caller.as_ref().and_then(|caller| match &caller.proof {
            Proof::Session(session) => Some(ShownSession::new(session)),
            Proof::AccessKey(_) | Proof::ClaimedKey(_) | Proof::Certificate | Proof::Token { .. } => None,
        });
        let shown = attempt.shown.as_ref().and_then(Origin::token);
        let shown = shown.map(|(issuer, subject)| (bounded(issuer), bounded(subject)));
        let (issuer, subject) = token.or(shown).unzip();
        let scheme = attempt.scheme.map_or("none", |scheme| scheme.as_str());
        let signature = Signature { scheme, verified: authenticated, issuer, subject };
        let parameters = &attempt.parameters[..attempt.parameters.len().min(MOST_PARAMETERS)];
        let event = Self {
            event_id: &attempt.id,
            event_version: "1",
            event_category: "Management",
            event_type: "ApiCall",
            event_name: text(&attempt.operation),
            event_rw: None,
            service_name: attempt.service.as_deref().unwrap_or("Ecs"),
            api_version: text(&attempt.version),
            event_source: text(&attempt.host),
            acs_region: text(&attempt.region),
            event_time: attempt.second().to_string(),
            request_id: Cow::Borrowed(&attempt.id),
            source_ip_address: attempt.source,
            user_agent: text(&attempt.user_agent),
            recipient_account_id: attempt.caller.as_ref().map(|caller| caller.principal.account().as_str()),
            user_identity: UserIdentity::of(attempt),
            request_parameters: parameters,
            response_elements: None,
            error_code: None,
            error_message: None,
            resource_type: None,
            resource_name: None,
            referenced_resources: Vec::new(),
            additional_event_data: Additional {
                scheme: attempt.transport,
                gateway: Gateway {
                    stage,
                    r#final: true,
                    mode: "enforce",
                    signing: attempt.signing,
                    verdict,
                    reason: None,
                    refusal: None,
                    signature,
                    access_key_tag: identity.tags.as_ref().zip(key_of(attempt)).map(|(tags, key)| tags.tag(key)),
                    session,
                    decision: None,
                    policy_revision: None,
                    left_out: attempt.left_out.iter().map(|name| bounded(name)).collect(),
                    cut: None,
                    summary: None,
                    upstream: None,
                    http_status: None,
                    peer: Some(attempt.peer).filter(|peer| *peer != attempt.source),
                    chain: &identity.chain,
                    replica: &identity.replica,
                },
            },
        };
        event.cutting(Cut { parameters: attempt.parameters.len() - parameters.len(), ..Cut::default() })
    }

    fn cutting(mut self, cut: Cut) -> Self {
        let gateway = &mut self.additional_event_data.gateway;
        gateway.cut = Some(gateway.cut.unwrap_or_default().and(cut)).filter(|cut| cut.is_any());
        self
    }

    /// The attempts that a `Summary` stands for, and whose they were.
    pub(super) fn with_count(mut self, count: ShownCount<'a>, code: &'a str, user: Option<UserIdentity<'a>>) -> Self {
        self.error_code = Some(bounded(code));
        if let Some(user) = user {
            self.user_identity = user;
        }
        self.additional_event_data.gateway.summary = Some(count);
        self
    }

    /// More is to come for this attempt.
    pub(super) fn not_final(mut self) -> Self {
        self.additional_event_data.gateway.r#final = false;
        self
    }

    pub(super) fn with_reason(mut self, reason: &'a str) -> Self {
        self.additional_event_data.gateway.reason = Some(bounded(reason));
        self
    }

    pub(super) fn with_judgement(mut self, judged: Judged<'a>) -> Self {
        let operation = judged.call.operation();
        self.service_name = operation.product();
        self.event_rw = Some(operation.access().event_rw());
        for (kind, resource) in judged.call.resource_types().zip(judged.call.resources()) {
            let kind = format!("ACS::{}::{kind}", operation.product().to_uppercase());
            let name = resource.fields().map_or("*", |fields| fields.relative);
            let name = name.split_once('/').map_or(name, |(_, id)| id);
            join(&mut self.resource_type, &kind);
            join(&mut self.resource_name, name);
            self.referenced_resources.push((kind, name));
        }
        let gateway = &mut self.additional_event_data.gateway;
        gateway.decision = Some(judged.decision);
        gateway.policy_revision = Some(judged.revision);
        self.cutting(judged.cut)
    }

    /// A session begins, with these rights.
    pub(super) fn with_grant(mut self, granted: &'a Granted, decision: &'a RawValue) -> Self {
        let principal = granted.assumed.principal();
        let (kind, name) = match principal.identity() {
            Identity::Role(name) => ("ACS::RAM::Role", &**name),
            Identity::User(name) => ("ACS::RAM::User", &**name),
            Identity::Root => ("ACS::RAM::Account", principal.account().as_str()),
        };
        join(&mut self.resource_type, kind);
        join(&mut self.resource_name, name);
        self.referenced_resources.push((kind.to_owned(), name));
        self.event_rw = Some("Write");
        self.recipient_account_id = Some(principal.account().as_str());
        let gateway = &mut self.additional_event_data.gateway;
        gateway.session = Some(ShownSession::beginning(granted));
        gateway.decision = Some(decision);
        gateway.policy_revision = Some(granted.assumed.revision());
        gateway.http_status = Some(200);
        self
    }

    pub(super) fn with_answer(mut self, answered: &'a Answered) -> Self {
        self.error_code = Some(Cow::Borrowed(&answered.code));
        self.error_message = Some(bounded(&answered.message));
        let gateway = &mut self.additional_event_data.gateway;
        gateway.refusal = Some(answered.refusal);
        gateway.http_status = Some(answered.status);
        self.with_reason(&answered.reason)
    }

    pub(super) fn with_outcome(mut self, forwarded: &'a Forwarded) -> Self {
        if let Some(id) = &forwarded.request_id {
            self.request_id = bounded(id);
            if (200..300).contains(&forwarded.status) {
                self.response_elements = Some(ResponseElements { request_id: bounded(id) });
            }
        }
        self.error_code = forwarded.code.as_deref().map(bounded);
        self.error_message = forwarded.message.as_deref().map(bounded);
        let gateway = &mut self.additional_event_data.gateway;
        gateway.reason = forwarded.failure.as_deref().map(bounded);
        gateway.http_status = Some(forwarded.status);
        gateway.upstream = Some(Upstream {
            endpoint: &forwarded.endpoint,
            request_id: forwarded.request_id.as_deref().map(bounded),
            status: forwarded.upstream_status.unwrap_or(forwarded.status),
            latency_ms: u64::try_from(forwarded.latency.as_millis()).unwrap_or(u64::MAX),
        });
        self
    }

    pub(super) fn to_text(&self) -> String {
        json_text(self)
    }
}

fn as_map<S: Serializer>(parameters: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(parameters.iter().map(|(name, value)| (bounded(name), bounded(value))))
}

/// A list of ids for each type, the types in the order in which they come.
fn as_lists<S: Serializer>(resources: &[(String, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (at, (kind, _)) in resources.iter().enumerate() {
        if !resources[..at].iter().any(|(earlier, _)| earlier == kind) {
            let of_kind: Vec<&str> = resources.iter().filter(|(other, _)| other == kind).map(|(_, id)| *id).collect();
            map.serialize_entry(kind, &of_kind)?;
        }
    }
    map.end()
}

fn join(list: &mut Option<String>, item: &str) {
    let text = list.get_or_insert_default();
    if !text.is_empty() {
        text.push(';');
    }
    text.push_str(item);
}
