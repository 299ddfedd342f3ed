//! The caller, in ActionTrail's words (`docs/spec/ecs-eni.md` C.1).

use std::borrow::Cow;

use crate::ram::{AccessKeyId, KnownBy};
use ram_policy::{AccountId, Identity, Principal};

use super::super::line::UserIdentity;
use super::attempt::Attempt;

/// The whole id of the key that the caller used or claims. Only the key's tag is made of it; it must never be written.
pub(super) fn key_of(attempt: &Attempt) -> Option<&str> {
    match attempt.caller.as_ref().map(|caller| &caller.proof) {
        None => attempt.claimed_key.as_deref(),
        Some(KnownBy::AccessKey(id) | KnownBy::ClaimedKey(id)) => Some(id.as_str()),
        Some(KnownBy::Session(session)) => Some(session.key.as_str()),
        Some(KnownBy::Token { .. } | KnownBy::Certificate) => None,
    }
}

/// A principal without the key it used; `id` is RAM's numeric id.
pub(super) fn identity_of_principal<'a>(principal: &'a Principal, id: Option<&'a str>) -> UserIdentity<'a> {
    let (kind, name) = kind_and_name(principal);
    let id = if principal.is_root() { Some(principal.account().as_str()) } else { id };
    UserIdentity {
        kind: Some(Cow::Borrowed(kind)),
        principal_id: id.map(Cow::Borrowed),
        account: Some(Cow::Borrowed(principal.account().as_str())),
        user_name: Some(Cow::Borrowed(name)),
        ..UserIdentity::default()
    }
}

/// An identity of which only the account is known.
pub(super) fn identity_of_account(account: &AccountId) -> UserIdentity<'_> {
    UserIdentity { account: Some(Cow::Borrowed(account.as_str())), ..unknown() }
}

/// The caller of an attempt; `unknown` if it was not identified. Key ids are masked.
pub(super) fn identity_of(attempt: &Attempt) -> UserIdentity<'_> {
    let key = |id: &str| Some(Cow::Owned(AccessKeyId::mask(id)));
    let Some(caller) = &attempt.caller else {
        return UserIdentity { access_key_id: attempt.claimed_key.as_deref().and_then(key), ..unknown() };
    };
    let mut user = identity_of_principal(&caller.principal, attempt.caller_id.as_deref());
    match &caller.proof {
        KnownBy::Session(session) => {
            let of_session = |of: &str| Some(Cow::Owned(format!("{of}:{}", session.name)));
            user.principal_id = attempt.caller_id.as_deref().and_then(of_session);
            user.user_name = user.user_name.as_deref().and_then(of_session);
            user.access_key_id = key(session.key.as_str());
        }
        KnownBy::AccessKey(id) | KnownBy::ClaimedKey(id) => user.access_key_id = key(id.as_str()),
        KnownBy::Token { .. } | KnownBy::Certificate => {}
    }
    user
}

fn unknown<'a>() -> UserIdentity<'a> {
    UserIdentity { kind: Some(Cow::Borrowed("unknown")), ..UserIdentity::default() }
}

fn kind_and_name(principal: &Principal) -> (&'static str, &str) {
    match principal.identity() {
        Identity::Root => ("root-account", "root"),
        Identity::User(name) => ("ram-user", name),
        Identity::Role(name) => ("assumed-role", name),
    }
}
