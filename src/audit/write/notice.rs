//! Notices about the log itself, and counts of attempts: lines of stage `Summary`.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use crate::budget::{Holder, Party};
use crate::envelope::unique_id;

use super::super::line::{CountedAttempts, Stage, Verdict};
use super::attempt::Attempt;
use super::counted::{Count, Group};
use super::draft::{Draft, JournalIdentity};
use super::user_identity::{identity_of_account, identity_of_principal};

/// Makes notices: everything that a notice needs besides its reason.
#[derive(Debug)]
pub(super) struct Notices {
    pub(super) identity: JournalIdentity,
    pub(super) now: fn() -> Timestamp,
}

impl Notices {
    /// The event of one notice, as JSON.
    pub(super) fn event(&self, reason: &str) -> String {
        summary(&self.identity, unique_id(), (self.now)(), Verdict::Error, reason)
    }
}

/// An event that does not concern a single attempt.
pub(super) fn summary(
    identity: &JournalIdentity,
    id: String,
    now: Timestamp,
    verdict: Verdict,
    reason: &str,
) -> String {
    let attempt = Attempt::new(id, now, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Draft::new(&attempt, identity, Stage::Summary, verdict).with_reason(reason).to_text()
}

/// The event for attempts that were counted and not written.
pub(super) fn counted(identity: &JournalIdentity, id: String, now: Timestamp, group: &Group, count: &Count) -> String {
    let mut attempt = Attempt::new(id, now, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let (mut source, mut user) = (None, None);
    let of = match group.holder.as_ref().map(Holder::party) {
        Some(Party::Principal(principal) | Party::PrincipalAt(_, principal)) => {
            user = Some(identity_of_principal(principal, count.caller_id.as_deref()));
            "principal"
        }
        Some(Party::Claimed(at, key)) => {
            source = Some(*at);
            attempt.claimed_key = Some(key.as_str().to_owned());
            "key"
        }
        Some(Party::Source(at)) => {
            source = Some(*at);
            "source"
        }
        Some(Party::Account(account)) => {
            user = Some(identity_of_account(account));
            "account"
        }
        Some(Party::AllSources) | None => "others",
    };
    if let Some(source) = source {
        attempt.source = source.address();
        attempt.peer = attempt.source;
    }
    let shown = CountedAttempts {
        of: Cow::Borrowed(of),
        source: source.map(|source| Cow::Owned(source.to_string())),
        attempts: count.attempts,
        first: Some(count.first),
        last: Some(count.last),
        operations: count.operations.iter().map(|name| Cow::Borrowed(name.as_str())).collect(),
        other_operations: count.other_operations,
        resources: count.resources() as u64,
        more_resources: count.more_resources,
    };
    let whose = group.holder.as_ref().map_or_else(|| "others".to_owned(), ToString::to_string);
    let attempts = match count.attempts {
        1 => format!("1 attempt of {whose} was"),
        many => format!("{many} attempts of {whose} were"),
    };
    let reason = format!("{attempts} counted and not written one by one");
    let draft = Draft::new(&attempt, identity, Stage::Summary, group.verdict.to_owned().into());
    draft.with_reason(&reason).with_count(shown, &group.code, user).to_text()
}
