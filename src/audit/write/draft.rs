//! A line under construction: filled from an attempt, then from the decision, the answer or the upstream's result.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::catalog::{Call, RejectionReason};
use crate::envelope::json_text;
use crate::ram::{KnownBy, Origin};
use ram_policy::Identity;

use super::super::line::{
    Additional, CountedAttempts, Cut, Event, Gateway, RefusalName, Resource, ResponseElements, Signature, Stage,
    Upstream, UserIdentity, Verdict, truncate,
};
use super::attempt::{Attempt, Reached};
use super::granted::{Granted, first_session_of, session_of};
use super::tag_key::TagKey;
use super::user_identity::{identity_of, key_of};

/// The most request parameters that a line holds.
const MOST_PARAMETERS: usize = 100;

/// Identifies a log. Every line names the chain and the replica, so that the lines of merged logs can be distinguished.
#[derive(Clone, Debug)]
pub struct JournalIdentity {
    pub chain: String,
    pub replica: String,
    /// The key for the tags of callers' keys; without it, lines have no tags.
    pub tags: Option<TagKey>,
}

/// The answer to a refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// Why, in this program's words; the answer to the caller may say less.
    pub reason: String,
    pub refusal: RejectionReason,
}

/// The result of a forwarded call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    pub endpoint: String,
    /// The status that the caller got.
    pub status: u16,
    /// The upstream's status, if the caller got another one.
    pub upstream_status: Option<u16>,
    /// `None` if the upstream did not answer.
    pub request_id: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    /// From sending the request to receiving the answer.
    pub latency: Duration,
    /// Why the upstream's answer is not passed on, or why the upstream did not answer.
    pub failure: Option<String>,
}

/// The decision of the policies, and the call it is about.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) call: &'a Call,
    pub(super) verdict: ram_policy::Verdict,
    pub(super) decision: &'a RawValue,
    /// What `decision` omits.
    pub(super) cut: Cut,
    pub(super) revision: &'a str,
}

/// A line that can still be added to. The decision is JSON already.
pub(super) struct Draft<'a>(pub(super) Event<'a, &'a RawValue>);

impl<'a> Draft<'a> {
    pub(super) fn new(attempt: &'a Attempt, identity: &'a JournalIdentity, stage: Stage, verdict: Verdict) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().map(truncate).unwrap_or_default();
        let token = attempt.caller.as_ref().and_then(|caller| match &caller.proof {
            KnownBy::Token { issuer, subject } => Some((truncate(issuer), truncate(subject))),
            KnownBy::AccessKey(_) | KnownBy::ClaimedKey(_) | KnownBy::Certificate | KnownBy::Session(_) => None,
        });
        let session = attempt.caller.as_ref().and_then(|caller| match &caller.proof {
            KnownBy::Session(session) => Some(session_of(session)),
            KnownBy::AccessKey(_) | KnownBy::ClaimedKey(_) | KnownBy::Certificate | KnownBy::Token { .. } => None,
        });
        let shown = attempt.shown.as_ref().and_then(Origin::token);
        let shown = shown.map(|(issuer, subject)| (truncate(issuer), truncate(subject)));
        let (issuer, subject) = token.or(shown).unzip();
        let signature = Signature {
            scheme: Some(Cow::Borrowed(attempt.scheme.map_or("none", |scheme| scheme.as_str()))),
            verified: attempt.reached >= Reached::Authenticated,
            issuer,
            subject,
        };
        let parameters = &attempt.parameters[..attempt.parameters.len().min(MOST_PARAMETERS)];
        let account = attempt.caller.as_ref().map(|caller| caller.principal.account().as_str());
        let event = Event {
            event_id: Some(Cow::Borrowed(&attempt.id)),
            event_version: Some(Cow::Borrowed("1")),
            event_category: Some(Cow::Borrowed("Management")),
            kind: Some(Cow::Borrowed("ApiCall")),
            name: text(&attempt.operation),
            access: None,
            service: Some(Cow::Borrowed(attempt.service.as_deref().unwrap_or("Ecs"))),
            api_version: Some(text(&attempt.version)),
            host: Some(text(&attempt.host)),
            region: Some(text(&attempt.region)),
            time: attempt.second(),
            request_id: Some(Cow::Borrowed(&attempt.id)),
            source: Some(Cow::Owned(attempt.source.to_string())),
            user_agent: Some(text(&attempt.user_agent)),
            account: account.map(Cow::Borrowed),
            user: identity_of(attempt),
            parameters: Cow::Borrowed(parameters),
            response_elements: None,
            error_code: None,
            error_message: None,
            resource_type: None,
            resource_name: None,
            referenced: Vec::new(),
            additional: Additional {
                scheme: Some(Cow::Borrowed(attempt.transport)),
                gateway: Some(Gateway {
                    stage,
                    last: true,
                    mode: Some(Cow::Borrowed("enforce")),
                    signing: attempt.signing.map(Cow::Borrowed),
                    verdict,
                    reason: None,
                    refusal: None,
                    signature,
                    access_key_tag: identity
                        .tags
                        .as_ref()
                        .zip(key_of(attempt))
                        .map(|(tags, key)| Cow::Owned(tags.tag(key))),
                    session,
                    decision: None,
                    policy_revision: None,
                    left_out: attempt.left_out.iter().map(|name| truncate(name)).collect(),
                    cut: None,
                    counted: None,
                    upstream: None,
                    http_status: None,
                    peer: Some(attempt.peer)
                        .filter(|peer| *peer != attempt.source)
                        .map(|peer| Cow::Owned(peer.to_string())),
                    chain: Some(Cow::Borrowed(&identity.chain)),
                    replica: Some(Cow::Borrowed(&identity.replica)),
                }),
            },
        };
        Self(event).cutting(Cut { parameters: (attempt.parameters.len() - parameters.len()) as u64, ..Cut::default() })
    }

    /// Adds to the counts of what the line omits.
    pub(super) fn cutting(self, cut: Cut) -> Self {
        self.with_gateway(|gateway| {
            gateway.cut = Some(gateway.cut.unwrap_or_default().and(cut)).filter(|cut| cut.is_any());
        })
    }

    pub(super) fn with_gateway(mut self, change: impl FnOnce(&mut Gateway<'a, &'a RawValue>)) -> Self {
        if let Some(gateway) = &mut self.0.additional.gateway {
            change(gateway);
        }
        self
    }

    /// Adds the counted attempts of a line of stage `Summary`, and the identity that made them.
    pub(super) fn with_count(
        mut self,
        counted: CountedAttempts<'a>,
        code: &'a str,
        user: Option<UserIdentity<'a>>,
    ) -> Self {
        self.0.error_code = Some(truncate(code));
        if let Some(user) = user {
            self.0.user = user;
        }
        self.with_gateway(|gateway| gateway.counted = Some(counted))
    }

    /// Marks the line as one that is followed by another line about the attempt.
    pub(super) fn not_final(self) -> Self {
        self.with_gateway(|gateway| gateway.last = false)
    }

    pub(super) fn with_reason(self, reason: &'a str) -> Self {
        self.with_gateway(|gateway| gateway.reason = Some(truncate(reason)))
    }

    pub(super) fn with_judgement(mut self, judged: Judged<'a>) -> Self {
        let operation = judged.call.operation();
        self.0.service = Some(Cow::Borrowed(operation.product()));
        self.0.access = Some(Cow::Borrowed(operation.access().event_rw()));
        for (kind, resource) in judged.call.resource_types().zip(judged.call.resources()) {
            let kind = format!("ACS::{}::{kind}", operation.product().to_uppercase());
            let name = resource.fields().map_or("*", |fields| fields.relative);
            let name = name.split_once('/').map_or(name, |(_, id)| id);
            self.refer_to(kind, name);
        }
        let draft = self.with_gateway(|gateway| {
            gateway.decision = Some(judged.decision);
            gateway.policy_revision = Some(Cow::Borrowed(judged.revision));
        });
        draft.cutting(judged.cut)
    }

    /// Adds the session that begins with this attempt.
    pub(super) fn with_grant(mut self, granted: &'a Granted, decision: &'a RawValue) -> Self {
        let principal = granted.assumed.principal();
        let (kind, name) = match principal.identity() {
            Identity::Role(name) => ("ACS::RAM::Role", &**name),
            Identity::User(name) => ("ACS::RAM::User", &**name),
            Identity::Root => ("ACS::RAM::Account", principal.account().as_str()),
        };
        self.refer_to(kind, name);
        self.0.access = Some(Cow::Borrowed("Write"));
        self.0.account = Some(Cow::Borrowed(principal.account().as_str()));
        self.with_gateway(|gateway| {
            gateway.session = Some(first_session_of(granted));
            gateway.decision = Some(decision);
            gateway.policy_revision = Some(Cow::Borrowed(granted.assumed.revision()));
            gateway.http_status = Some(200);
        })
    }

    pub(super) fn with_answer(mut self, answered: &'a Answered) -> Self {
        self.0.error_code = Some(Cow::Borrowed(&answered.code));
        self.0.error_message = Some(truncate(&answered.message));
        self.with_reason(&answered.reason).with_gateway(|gateway| {
            gateway.refusal = Some(RefusalName::Known(answered.refusal));
            gateway.http_status = Some(answered.status);
        })
    }

    pub(super) fn with_outcome(mut self, forwarded: &'a Forwarded) -> Self {
        if let Some(id) = &forwarded.request_id {
            self.0.request_id = Some(truncate(id));
            if (200..300).contains(&forwarded.status) {
                self.0.response_elements = Some(ResponseElements { request_id: truncate(id) });
            }
        }
        self.0.error_code = forwarded.code.as_deref().map(truncate);
        self.0.error_message = forwarded.message.as_deref().map(truncate);
        self.with_gateway(|gateway| {
            gateway.reason = forwarded.failure.as_deref().map(truncate);
            gateway.http_status = Some(forwarded.status);
            gateway.upstream = Some(Upstream {
                endpoint: Some(Cow::Borrowed(&forwarded.endpoint)),
                request_id: forwarded.request_id.as_deref().map(truncate),
                status: Some(forwarded.upstream_status.unwrap_or(forwarded.status)),
                latency_ms: Some(u64::try_from(forwarded.latency.as_millis()).unwrap_or(u64::MAX)),
            });
        })
    }

    /// Adds a resource to the list and to both joined texts.
    fn refer_to(&mut self, kind: impl Into<Cow<'a, str>>, name: &'a str) {
        let resource = Resource { kind: kind.into(), name: Cow::Borrowed(name) };
        join(&mut self.0.resource_type, &resource.kind);
        join(&mut self.0.resource_name, &resource.name);
        self.0.referenced.push(resource);
    }

    pub(super) fn to_text(&self) -> String {
        json_text(&self.0)
    }
}

/// Appends an item to a list that is joined with `;`.
pub(super) fn join(list: &mut Option<Cow<'_, str>>, item: &str) {
    let text = list.get_or_insert_default().to_mut();
    if !text.is_empty() {
        text.push(';');
    }
    text.push_str(item);
}
