//! Who calls, in ActionTrail's words (`spec/ecs-eni.md` C.1).

use std::borrow::Cow;

use serde::Serialize;

use crate::ram::{AccessKeyId, AccountId, Identity, Principal, Proof};

use super::attempt::Attempt;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserIdentity<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<Cow<'a, str>>,
}

/// The id of the key that a caller showed or claims, whole: for its tag, never to be written.
pub(super) fn key_of(attempt: &Attempt) -> Option<&str> {
    match attempt.caller.as_ref().map(|caller| &caller.proof) {
        None => attempt.claimed_key.as_deref(),
        Some(Proof::AccessKey(id) | Proof::ClaimedKey(id)) => Some(id.as_str()),
        Some(Proof::Session(session)) => Some(session.key.as_str()),
        Some(Proof::Token { .. } | Proof::Certificate) => None,
    }
}

impl<'a> UserIdentity<'a> {
    /// A principal, whatever key it used.
    pub(super) fn of_principal(principal: &'a Principal, id: Option<&'a str>) -> Self {
        let (kind, name) = kind_and_name(principal);
        let id = if principal.is_root() { Some(principal.account().as_str()) } else { id };
        Self {
            kind,
            principal_id: id.map(Cow::Borrowed),
            account_id: Some(Cow::Borrowed(principal.account().as_str())),
            access_key_id: None,
            user_name: Some(Cow::Borrowed(name)),
        }
    }

    /// An identity of an account, without a name.
    pub(super) fn of_account(account: &'a AccountId) -> Self {
        let account_id = Some(Cow::Borrowed(account.as_str()));
        Self { kind: "unknown", principal_id: None, account_id, access_key_id: None, user_name: None }
    }

    pub(super) fn of(attempt: &'a Attempt) -> Self {
        let key = |id: &str| Some(Cow::Owned(AccessKeyId::mask(id)));
        let Some(caller) = &attempt.caller else {
            let access_key_id = attempt.claimed_key.as_deref().and_then(key);
            return Self { kind: "unknown", principal_id: None, account_id: None, access_key_id, user_name: None };
        };
        let account = caller.principal.account().as_str();
        let (kind, name) = kind_and_name(&caller.principal);
        if let Proof::Session(session) = &caller.proof {
            let of_session = |of: &str| Some(Cow::Owned(format!("{of}:{}", session.name)));
            return Self {
                kind,
                principal_id: attempt.caller_id.as_deref().and_then(of_session),
                account_id: Some(Cow::Borrowed(account)),
                access_key_id: key(session.key.as_str()),
                user_name: of_session(name),
            };
        }
        let id = if caller.principal.is_root() { Some(account) } else { attempt.caller_id.as_deref() };
        Self {
            kind,
            principal_id: id.map(Cow::Borrowed),
            account_id: Some(Cow::Borrowed(account)),
            access_key_id: match &caller.proof {
                Proof::AccessKey(id) | Proof::ClaimedKey(id) => key(id.as_str()),
                Proof::Token { .. } | Proof::Certificate | Proof::Session(_) => None,
            },
            user_name: Some(Cow::Borrowed(name)),
        }
    }
}

fn kind_and_name(principal: &Principal) -> (&'static str, &str) {
    match principal.identity() {
        Identity::Root => ("root-account", "root"),
        Identity::User(name) => ("ram-user", name),
        Identity::Role(name) => ("assumed-role", name),
    }
}
