//! How a log is doing, for whoever watches it.

use std::sync::PoisonError;

use jiff::SignedDuration;

use super::super::sink::LogStatus;
use super::state::Shared;

/// A disk that has not answered for so long is told of.
const SLOW: SignedDuration = SignedDuration::from_secs(5);

impl Shared {
    pub(super) fn status(&self) -> LogStatus {
        let now = (self.notices.now)();
        let (counts, fault) = {
            let state = self.lock();
            let slow = state.leading.or(state.syncing).is_some_and(|since| now.duration_since(since) > SLOW);
            let slow = slow.then(|| format!("the disk has not answered for {} s", SLOW.as_secs()));
            (state.counts, state.failing.as_ref().map(|fault| fault.0.clone()).or(slow))
        };
        let mut status = LogStatus {
            requirement: self.requirement,
            written: counts.written,
            failed: counts.failed,
            lost: counts.lost,
            last_sync: counts.last_sync,
            fault,
            ..LogStatus::default()
        };
        let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checkpoints) = checkpoints.as_ref() {
            status.checkpoints = checkpoints.written;
            status.covered = Some(checkpoints.covered);
            status.checkpoint_fault.clone_from(&checkpoints.fault);
        }
        status.followers = self.followers.iter().map(|follower| follower.status()).collect();
        status
    }
}
