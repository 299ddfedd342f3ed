//! What the log says of itself: lines of stage `Summary`, with the reason in words.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use serde::Serialize;

use crate::budget::{Holder, Who};
use crate::envelope::unique_id;

use super::attempt::Attempt;
use super::counted::{Count, Group};
use super::event::{Event, JournalIdentity, Stage};
use super::user_identity::UserIdentity;

/// Under `gateway`: attempts that were counted and not written one by one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownCount<'a> {
    /// Whose they were: a principal's, a claimed key's, a source's, an account's, or those of all `others`.
    of: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    attempts: u64,
    first: String,
    last: String,
    operations: Vec<&'a str>,
    /// Whether there were operations besides.
    other_operations: bool,
    /// How many distinct resources were judged.
    resources: usize,
    /// Whether there were more.
    more_resources: bool,
}

/// Who speaks, and by which clock.
#[derive(Debug)]
pub(super) struct Notices {
    pub(super) identity: JournalIdentity,
    pub(super) now: fn() -> Timestamp,
}

impl Notices {
    /// The event of one notice.
    pub(super) fn event(&self, reason: &str) -> String {
        summary(&self.identity, unique_id(), (self.now)(), "Error", reason)
    }
}

/// A line that is about no single attempt.
pub(super) fn summary(
    identity: &JournalIdentity,
    id: String,
    now: Timestamp,
    verdict: &'static str,
    reason: &str,
) -> String {
    let attempt = Attempt::new(id, now, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Event::new(&attempt, identity, Stage::Summary, verdict).with_reason(reason).to_text()
}

/// The line of attempts that were counted and not written one by one.
pub(super) fn counted(identity: &JournalIdentity, id: String, now: Timestamp, group: &Group, count: &Count) -> String {
    let mut attempt = Attempt::new(id, now, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let (mut source, mut user) = (None, None);
    let of = match group.holder.as_ref().map(Holder::who) {
        Some(Who::Principal(principal) | Who::PrincipalAt(_, principal)) => {
            user = Some(UserIdentity::of_principal(principal, count.caller_id.as_deref()));
            "principal"
        }
        Some(Who::Claimed(at, key)) => {
            source = Some(*at);
            attempt.claimed_key = Some(key.as_str().to_owned());
            "key"
        }
        Some(Who::Source(at)) => {
            source = Some(*at);
            "source"
        }
        Some(Who::Account(account)) => {
            user = Some(UserIdentity::of_account(account));
            "account"
        }
        Some(Who::Strangers) | None => "others",
    };
    if let Some(source) = source {
        attempt.source = source.address();
        attempt.peer = attempt.source;
    }
    let shown = ShownCount {
        of,
        source: source.map(|source| source.to_string()),
        attempts: count.attempts,
        first: count.first.to_string(),
        last: count.last.to_string(),
        operations: count.operations.iter().map(String::as_str).collect(),
        other_operations: count.other_operations,
        resources: count.resources(),
        more_resources: count.more_resources,
    };
    let whose = group.holder.as_ref().map_or_else(|| "others".to_owned(), ToString::to_string);
    let attempts = match count.attempts {
        1 => format!("1 attempt of {whose} was"),
        many => format!("{many} attempts of {whose} were"),
    };
    let reason = format!("{attempts} counted and not written one by one");
    let event = Event::new(&attempt, identity, Stage::Summary, group.verdict);
    event.with_reason(&reason).with_count(shown, &group.code, user).to_text()
}
