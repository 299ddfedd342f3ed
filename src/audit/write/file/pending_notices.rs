//! Notices about the log itself, queued until the next successful write.

use jiff::Timestamp;

use super::super::sink::{Requirement, SinkError};

/// A count of lines that could not be written, and events that concern the file.
#[derive(Debug, Default)]
pub(super) struct PendingNotices {
    missing: u64,
    since: Option<Timestamp>,
    why: String,
    events: Vec<String>,
}

/// The most events that are kept.
const MOST_EVENTS: usize = 16;

impl PendingNotices {
    pub(super) fn is_empty(&self) -> bool {
        self.missing == 0 && self.events.is_empty()
    }

    /// Counts lines that could not be written; the first error is the reason for all of them.
    pub(super) fn failed(&mut self, lines: u64, error: &SinkError, now: fn() -> Timestamp) {
        if lines == 0 {
            return;
        }
        self.missing += lines;
        if self.since.is_none() {
            self.since = Some(now());
            self.why.clone_from(&error.0);
        }
    }

    /// Adds an event, unless there are too many already.
    pub(super) fn event(&mut self, what: String) {
        if self.events.len() < MOST_EVENTS {
            self.events.push(what);
        }
    }

    /// Puts back notices that were in flight; they are older than the pending ones.
    pub(super) fn add(&mut self, other: Self) {
        self.missing += other.missing;
        if other.since.is_some() && (self.since.is_none() || other.since < self.since) {
            self.since = other.since;
            self.why = other.why;
        }
        let mut events = other.events;
        events.append(&mut self.events);
        events.truncate(MOST_EVENTS);
        self.events = events;
    }

    /// The reason in each notice line that is due.
    pub(super) fn reasons(&self, requirement: Requirement) -> impl Iterator<Item = String> {
        let missing = (self.missing > 0).then(|| {
            let (lines, why) = (self.missing, &self.why);
            let since = self.since.map(|since| format!(" since {since:.0}")).unwrap_or_default();
            let calls = match requirement {
                Requirement::Required => {
                    "no call whose decision is among them was forwarded, but outcomes of forwarded calls may be missing"
                }
                Requirement::BestEffort => "they are lost, and their calls proceeded without them",
            };
            let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
            format!("{lines} could not be written{since}, {calls}: {why}")
        });
        self.events.iter().cloned().chain(missing)
    }
}
