//! What the log says of itself: lines of stage `Summary`, with the reason in words.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use crate::envelope::unique_id;

use super::attempt::Attempt;
use super::event::{Event, JournalIdentity, Stage};

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
