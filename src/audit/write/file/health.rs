//! The health of the log: whether it can be written, how much room is left, and the notices that are pending.

use std::time::Duration;

use jiff::Timestamp;

use super::super::sink::{Requirement, Shortage, SinkError};
use super::pending_notices::PendingNotices;
use super::room::Room;

/// The shortest time between two notices that the file system is short of room.
const BETWEEN_SHORTAGES: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Health {
    /// Why nothing can be written until the maintenance worker has repaired the log.
    pub(super) broken: Option<SinkError>,
    /// The last error, until a line is written again.
    pub(super) failing: Option<SinkError>,
    pub(super) room: Room,
    pub(super) notices: PendingNotices,
    pub(super) counts: Counts,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) written: u64,
    /// Lines that could not be written, and whose calls were refused for that reason.
    pub(super) failed: u64,
    /// Lines that could not be written, and whose calls proceeded without them.
    pub(super) lost: u64,
    /// Refusals that were not written because the log had no room for them.
    pub(super) left_out: u64,
    pub(super) last_sync: Option<Timestamp>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            broken: None,
            failing: None,
            room: Room::new(),
            notices: PendingNotices::default(),
            counts: Counts::default(),
        }
    }

    pub(super) fn count_failed(
        &mut self,
        lines: u64,
        error: &SinkError,
        requirement: Requirement,
        now: fn() -> Timestamp,
    ) {
        match requirement {
            Requirement::Required => self.counts.failed += lines,
            Requirement::BestEffort => self.counts.lost += lines,
        }
        self.notices.failed(lines, error, now);
        self.failing = Some(error.clone());
    }

    /// Reports that refusals are only counted from now on: once per file if their share is used up, and at most every
    /// ten minutes if the file system is short of room.
    pub(super) fn report_shortage(&mut self, shortage: Shortage, min_free: u64, elapsed: Duration) {
        let why = match shortage {
            Shortage::FileShare => {
                "refused attempts are only counted until the next file: they have used their share of this one"
                    .to_owned()
            }
            Shortage::Space => {
                if self.room.reported.is_some_and(|at| elapsed.saturating_sub(at) < BETWEEN_SHORTAGES) {
                    return;
                }
                self.room.reported = Some(elapsed);
                format!(
                    "refused attempts are only counted while the log's file system is short of room: {min_free} bytes \
                     are kept for calls that are permitted (`min_free`)"
                )
            }
        };
        tracing::warn!("audit log: {why}");
        self.notices.event(why);
    }
}
