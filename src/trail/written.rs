//! An event as it stands in a file.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::decision::{Decision, WrittenDecision};
use super::event::{ErrorAnswer, Event, UserIdentity};
use super::gateway::{CountedAttempts, Cut, Gateway, Session, Signature, Stage, Upstream, Verdict};
use super::resource::Resource;
use super::text::{Lists, Members, Text};

/// Around an event, in our lines and in Log Service; an event by itself has none of it.
#[derive(Deserialize)]
struct Envelope<'a> {
    seq: Option<u64>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEvent<'a> {
    #[serde(borrow)]
    event_time: Cow<'a, str>,
    event_name: String,
    #[serde(default)]
    event_id: Text,
    #[serde(default)]
    event_type: Text,
    #[serde(default, rename = "eventRW")]
    event_rw: Text,
    #[serde(default)]
    event_source: Text,
    #[serde(default)]
    service_name: Text,
    #[serde(default)]
    api_version: Text,
    #[serde(default)]
    acs_region: Text,
    #[serde(default)]
    request_id: Text,
    #[serde(default)]
    source_ip_address: Text,
    #[serde(default)]
    user_agent: Text,
    #[serde(default)]
    recipient_account_id: Text,
    #[serde(default)]
    vpc_id: Text,
    #[serde(default)]
    user_identity: WrittenIdentity,
    #[serde(default)]
    request_parameters: Members,
    #[serde(default)]
    error_code: Text,
    #[serde(default)]
    error_message: Text,
    #[serde(default)]
    resource_type: Text,
    #[serde(default)]
    resource_name: Text,
    #[serde(default)]
    referenced_resources: Lists,
    #[serde(borrow)]
    additional_event_data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenIdentity {
    #[serde(rename = "type")]
    kind: Text,
    account_id: Text,
    principal_id: Text,
    user_name: Text,
    access_key_id: Text,
    session_context: WrittenContext,
}

/// Old events call the inner object `sessionAttributes`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenContext {
    #[serde(alias = "sessionAttributes")]
    attributes: WrittenAttributes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenAttributes {
    mfa_authenticated: Text,
}

#[derive(Default, Deserialize)]
struct Additional {
    #[serde(default, rename = "Scheme")]
    scheme: Text,
    gateway: Option<WrittenGateway>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenGateway {
    stage: String,
    #[serde(default)]
    r#final: bool,
    #[serde(default)]
    mode: Text,
    #[serde(default)]
    signing: Text,
    verdict: String,
    #[serde(default)]
    reason: Text,
    #[serde(default)]
    refusal: Text,
    #[serde(default)]
    signature: WrittenSignature,
    #[serde(default)]
    access_key_tag: Text,
    session: Option<WrittenSession>,
    decision: Option<WrittenDecision>,
    #[serde(default)]
    policy_revision: Text,
    #[serde(default)]
    left_out: Vec<String>,
    cut: Option<WrittenCut>,
    summary: Option<WrittenCount>,
    upstream: Option<WrittenUpstream>,
    http_status: Option<u16>,
    #[serde(default)]
    peer: Text,
    #[serde(default)]
    chain: Text,
    #[serde(default)]
    replica: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenCut {
    parameters: u64,
    resources: u64,
    statements: u64,
    conditions: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenCount {
    of: String,
    source: Text,
    attempts: u64,
    first: Text,
    last: Text,
    operations: Vec<String>,
    other_operations: bool,
    resources: u64,
    more_resources: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenSignature {
    scheme: Text,
    verified: bool,
    issuer: Text,
    subject: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenSession {
    name: Text,
    access_key_id: Text,
    expires: Text,
    issuer: Text,
    subject: Text,
    shown_by: Text,
    address: Text,
    narrowed_by: Text,
    policy: Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenUpstream {
    endpoint: Text,
    request_id: Text,
    status: Option<u16>,
    latency_ms: Option<u64>,
}

/// Reads a line of ours, an event in Log Service's envelope, or an event by itself; with the line's number in its chain.
pub(super) fn read_event(json: &[u8]) -> Result<(Option<u64>, Event), String> {
    let envelope: Envelope<'_> = serde_json::from_slice(json).map_err(|error| not_json(&error))?;
    let event = match envelope.event.map(RawValue::get) {
        None => written(std::str::from_utf8(json).map_err(|error| error.to_string())?)?,
        // Some exports carry the event as a text.
        Some(text) if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).map_err(|error| not_json(&error))?;
            written(&text)?
        }
        Some(object) => written(object)?,
    };
    Ok((envelope.seq, event))
}

fn not_json(error: &serde_json::Error) -> String {
    format!("it is no JSON object of an event: {error}")
}

fn written(json: &str) -> Result<Event, String> {
    let written: WrittenEvent<'_> = serde_json::from_str(json).map_err(|error| format!("it is no event: {error}"))?;
    written.try_into()
}

impl TryFrom<WrittenEvent<'_>> for Event {
    type Error = String;

    fn try_from(written: WrittenEvent<'_>) -> Result<Self, String> {
        let time: Timestamp =
            written.event_time.parse().map_err(|_| format!("`{}` is no time", written.event_time.escape_default()))?;
        let additional = match written.additional_event_data.map(RawValue::get) {
            Some(object) if object.starts_with('{') => serde_json::from_str(object)
                .map_err(|error| format!("its `additionalEventData` cannot be read: {error}"))?,
            _ => Additional::default(),
        };
        let message = written.error_message.0;
        let (kinds, names) = (written.resource_type.0, written.resource_name.0);
        Ok(Self {
            time,
            kind: written.event_type.0,
            name: written.event_name,
            access: written.event_rw.0,
            service: written.service_name.0,
            api_version: written.api_version.0,
            region: written.acs_region.0,
            host: written.event_source.0,
            request_id: written.request_id.0,
            event_id: written.event_id.0,
            source: written.source_ip_address.0,
            user_agent: written.user_agent.0,
            transport: additional.scheme.0,
            account: written.recipient_account_id.0,
            vpc: written.vpc_id.0,
            user: written.user_identity.into(),
            parameters: written.request_parameters.0,
            error: written.error_code.0.map(|code| ErrorAnswer { code, message }),
            resources: Resource::all(written.referenced_resources, kinds.as_deref(), names.as_deref()),
            gateway: additional.gateway.map(Gateway::from),
        })
    }
}

impl From<WrittenIdentity> for UserIdentity {
    fn from(written: WrittenIdentity) -> Self {
        Self {
            kind: written.kind.0,
            account: written.account_id.0,
            principal_id: written.principal_id.0,
            user_name: written.user_name.0,
            access_key_id: written.access_key_id.0,
            mfa: written.session_context.attributes.mfa_authenticated.0.and_then(|text| text.parse().ok()),
        }
    }
}

impl From<WrittenGateway> for Gateway {
    fn from(written: WrittenGateway) -> Self {
        Self {
            stage: Stage::from(written.stage),
            last: written.r#final,
            mode: written.mode.0,
            signing: written.signing.0,
            verdict: Verdict::from(written.verdict),
            reason: written.reason.0,
            refusal: written.refusal.0,
            signature: Signature {
                scheme: written.signature.scheme.0,
                verified: written.signature.verified,
                issuer: written.signature.issuer.0,
                subject: written.signature.subject.0,
            },
            access_key_tag: written.access_key_tag.0,
            session: written.session.map(Session::from),
            decision: written.decision.map(Decision::from),
            policy_revision: written.policy_revision.0,
            left_out: written.left_out,
            cut: written.cut.map(Cut::from),
            counted: written.summary.map(CountedAttempts::from),
            upstream: written.upstream.map(|upstream| Upstream {
                endpoint: upstream.endpoint.0,
                request_id: upstream.request_id.0,
                status: upstream.status,
                latency_ms: upstream.latency_ms,
            }),
            http_status: written.http_status,
            peer: written.peer.0,
            chain: written.chain.0,
            replica: written.replica.0,
        }
    }
}

impl From<WrittenCut> for Cut {
    fn from(written: WrittenCut) -> Self {
        let WrittenCut { parameters, resources, statements, conditions } = written;
        Self { parameters, resources, statements, conditions }
    }
}

impl From<WrittenCount> for CountedAttempts {
    fn from(written: WrittenCount) -> Self {
        let time = |text: Text| text.0.and_then(|text| text.parse().ok());
        Self {
            of: written.of,
            source: written.source.0,
            attempts: written.attempts,
            first: time(written.first),
            last: time(written.last),
            operations: written.operations,
            other_operations: written.other_operations,
            resources: written.resources,
            more_resources: written.more_resources,
        }
    }
}

impl From<WrittenSession> for Session {
    fn from(written: WrittenSession) -> Self {
        Self {
            name: written.name.0,
            access_key_id: written.access_key_id.0,
            expires: written.expires.0,
            issuer: written.issuer.0,
            subject: written.subject.0,
            shown_by: written.shown_by.0,
            address: written.address.0,
            narrowed_by: written.narrowed_by.0,
            policy: written.policy.0,
        }
    }
}
