//! A session about to be begun, and how lines show one.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::envelope::json_part;
use crate::pdp::{Assumed, Basis};
use crate::policy::{Digest, Verdict};
use crate::ram::{AccessKeyId, Origin, Session};

use super::bounded::bounded;

/// A key that may be issued, once this is written down.
#[derive(Debug)]
pub struct Granted {
    pub assumed: Assumed,
    pub session: Session,
    /// The session policy, as it was sent.
    pub policy: Option<String>,
}

/// Under `gateway`: of the caller's session, or of the one that begins.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownSession<'a> {
    name: &'a str,
    access_key_id: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    /// Whose key or certificate was shown for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown_by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    /// The digest of its policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    narrowed_by: Option<&'a str>,
    /// The policy, only where the session begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
}

impl<'a> ShownSession<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        let (issuer, subject) = session.origin.token().unzip();
        let (shown_by, address) = match &session.origin {
            Origin::AccessKey { arn, .. } | Origin::CallerIdentity(arn) | Origin::Certificate(arn) => {
                (Some(bounded(arn)), None)
            }
            Origin::Address(address) => (None, Some(*address)),
            Origin::Token { .. } => (None, None),
        };
        Self {
            name: session.name.as_str(),
            access_key_id: AccessKeyId::mask(session.key.as_str()),
            expires: session.expires.to_string(),
            issuer: issuer.map(bounded),
            subject: subject.map(bounded),
            shown_by,
            address,
            narrowed_by: session.narrowed_by.as_deref(),
            policy: None,
        }
    }

    /// Of a session that begins.
    pub(super) fn beginning(granted: &'a Granted) -> Self {
        Self { policy: granted.policy.as_deref(), ..Self::new(&granted.session) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenAssumption<'a> {
    auth_action: &'static str,
    explicit_deny: bool,
    resources: [WrittenRole<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenRole<'a> {
    auth_resource: &'a str,
    verdict: Verdict,
    matched_policies: Vec<WrittenTrust<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenTrust<'a> {
    effect: &'static str,
    policy_identifier: &'a str,
    policy_type: &'static str,
    statement: usize,
    digest: Digest,
}

/// The decision as a line has it.
pub(super) fn written_assumption(assumed: &Assumed) -> Box<RawValue> {
    let matched_policies = match assumed.basis() {
        Basis::Trust(trust, decision) => decision
            .deciding
            .iter()
            .map(|statement| WrittenTrust {
                effect: "Allow",
                policy_identifier: trust.name(),
                policy_type: "AssumeRolePolicy",
                statement: *statement,
                digest: trust.digest(),
            })
            .collect(),
        Basis::Itself => Vec::new(),
    };
    let role = WrittenRole { auth_resource: assumed.principal().arn(), verdict: Verdict::Allow, matched_policies };
    let written = WrittenAssumption { auth_action: "sts:AssumeRole", explicit_deny: false, resources: [role] };
    json_part(&written)
}
