//! A session that is about to begin, and how lines show a session.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::envelope::json_part;
use crate::pdp::{Assumed, Basis};
use crate::ram::{self, AccessKeyId, Origin};
use ram_policy::Verdict;

use super::super::line::{Decision, JudgedResource, MatchedStatement, Session, truncate};

/// A session whose key may be issued once the session is in the log.
#[derive(Debug)]
pub struct Granted {
    pub assumed: Assumed,
    pub session: ram::Session,
    /// The session policy, as it was sent.
    pub policy: Option<String>,
}

/// The session that called.
pub(super) fn session_of(session: &ram::Session) -> Session<'_> {
    let (issuer, subject) = session.origin.token().unzip();
    let (shown_by, address) = match &session.origin {
        Origin::AccessKey { arn, .. } | Origin::CallerIdentity(arn) | Origin::Certificate(arn) => {
            (Some(truncate(arn)), None)
        }
        Origin::Address(address) => (None, Some(Cow::Owned(address.to_string()))),
        Origin::Token { .. } => (None, None),
    };
    Session {
        name: Some(Cow::Borrowed(session.name.as_str())),
        access_key_id: Some(Cow::Owned(AccessKeyId::mask(session.key.as_str()))),
        expires: Some(Cow::Owned(session.expires.to_string())),
        issuer: issuer.map(truncate),
        subject: subject.map(truncate),
        shown_by,
        address,
        narrowed_by: session.narrowed_by.as_deref().map(Cow::Borrowed),
        policy: None,
    }
}

/// The session that begins, with its policy.
pub(super) fn first_session_of(granted: &Granted) -> Session<'_> {
    Session { policy: granted.policy.as_deref().map(Cow::Borrowed), ..session_of(&granted.session) }
}

/// The decision to begin a session, as a line holds it.
pub(super) fn assumption_json(assumed: &Assumed) -> Box<RawValue> {
    let matched = match assumed.basis() {
        Basis::Trust(trust, decision) => {
            let statements = decision.deciding.iter().map(|statement| MatchedStatement {
                effect: Cow::Borrowed("Allow"),
                policy: Cow::Borrowed(trust.name()),
                policy_type: Some(Cow::Borrowed("AssumeRolePolicy")),
                attached_to: None,
                scope: None,
                statement: Some(*statement),
                digest: Some(Cow::Owned(trust.digest().to_string())),
            });
            statements.collect()
        }
        Basis::Itself => Vec::new(),
    };
    let role = JudgedResource {
        arn: Cow::Borrowed(assumed.principal().arn()),
        verdict: Verdict::Allow.into(),
        conditions: None,
        matched,
        possible_deny: None,
    };
    json_part(&Decision::<MatchedStatement<'_>> {
        action: Cow::Borrowed("sts:AssumeRole"),
        explicit_deny: false,
        policy_type: None,
        auth_conditions: None,
        resources: vec![role],
    })
}
