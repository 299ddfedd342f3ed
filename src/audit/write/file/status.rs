//! The status of a log, for metrics and readiness.

use std::sync::PoisonError;
use std::time::Duration;

use super::super::sink::LogStatus;
use super::state::Shared;

/// A write or sync that takes longer than this is reported.
const SLOW: Duration = Duration::from_secs(5);

impl Shared {
    pub(super) fn status(&self) -> LogStatus {
        let elapsed = (self.elapsed)();
        let (counts, shortage, error) = {
            let state = self.lock();
            let slow =
                state.queue.leading.or(state.file.syncing).is_some_and(|since| elapsed.saturating_sub(since) > SLOW);
            let slow = slow.then(|| format!("the disk has not answered for {} s", SLOW.as_secs()));
            (
                state.health.counts,
                state.health.room.shortage,
                state.health.failing.as_ref().map(|error| error.0.clone()).or(slow),
            )
        };
        let mut status = LogStatus {
            requirement: self.requirement,
            written: counts.written,
            failed: counts.failed,
            lost: counts.lost,
            left_out: counts.left_out,
            shortage,
            last_sync: counts.last_sync,
            error,
            ..LogStatus::default()
        };
        let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checkpoints) = checkpoints.as_ref() {
            status.checkpoints = checkpoints.written;
            status.covered = Some(checkpoints.covered);
            status.checkpoint_error.clone_from(&checkpoints.error);
        }
        status.secondary = self.secondary.iter().map(|sink| sink.status()).collect();
        status
    }
}
