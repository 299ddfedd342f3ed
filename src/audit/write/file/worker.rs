//! The maintenance worker: one thread for each log, which does everything that no call waits for.
//!
//! It syncs what `group` wrote, checks that the file is still there, repairs a broken log, writes pending notices,
//! rotates, and writes checkpoints.

use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use super::super::sink::{Requirement, SinkError};
use super::checkpoint::Kind;
use super::settings::SyncMode;
use super::state::Shared;

/// How often the file, the clock and the free space are checked.
const TICK: Duration = Duration::from_secs(1);
/// The time between two attempts to repair a broken log.
const REPAIRING: Duration = Duration::from_millis(200);
/// The longest time between two runs of the packer.
const PACKING: Duration = Duration::from_secs(60);
/// The shortest time between two warnings about lost lines.
const WARNING: Duration = Duration::from_secs(10);

pub(super) struct Worker {
    shared: Arc<Shared>,
    /// Wakes the packer, after each rotation and once a minute.
    packer: Option<Sender<()>>,
    looked: Option<Duration>,
    lost: u64,
    warned: Option<Duration>,
    /// When the packer was last woken.
    packed: Option<Duration>,
    /// When the log last warned that the wall clock cannot be trusted.
    doubted: Option<Duration>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, packer: Option<Sender<()>>) -> Self {
        Self { shared, packer, looked: None, lost: 0, warned: None, packed: None, doubted: None }
    }

    /// Works until the log is closed.
    pub(super) fn run(mut self) {
        loop {
            let stopping = self.wait();
            let now = (self.shared.elapsed)();
            self.sync(if stopping { Duration::ZERO } else { self.shared.group_delay });
            let looked = self.looked.is_some_and(|at| now.saturating_sub(at) < TICK);
            let broken = self.shared.lock().health.broken.is_some();
            if !looked || broken || stopping || self.shared.sync == SyncMode::Group {
                self.shared.inspect();
            }
            if !looked || stopping {
                self.looked = Some(now);
                self.warn_of_lost(now);
                self.shared.look_at_room();
                self.warn_of_clock(now);
            }
            self.shared.write_notices();
            let rotated = self.shared.rotate_if_due(now);
            // Files also become too old without a rotation.
            if rotated || self.packed.is_none_or(|at| now.saturating_sub(at) >= PACKING) {
                self.packed = Some(now);
                // Sending fails only if the packer has ended.
                let _ = self.packer.as_ref().map(|packer| packer.send(()));
            }
            self.shared.checkpoint_if_due(now);
            if stopping {
                self.shared.checkpoint(Kind::Stop);
                self.log_pending_notices();
                return;
            }
        }
    }

    /// Waits for something to do, at most for a tick. Returns whether to stop.
    fn wait(&self) -> bool {
        let shared = &self.shared;
        let mut state = shared.lock();
        loop {
            let group = state.file.unsynced && shared.sync == SyncMode::Group && state.health.broken.is_none();
            if state.stopping || group || state.is_due_for_rotation(shared) {
                return state.stopping;
            }
            let patience = if state.health.broken.is_some() { REPAIRING } else { TICK };
            let woken = shared.wake.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            state = woken.0;
            if woken.1.timed_out() || state.health.broken.is_some() {
                return state.stopping;
            }
        }
    }

    /// Syncs the written lines, once for all lines that arrive within the delay.
    fn sync(&self, delay: Duration) {
        let shared = &self.shared;
        let waiting = {
            let state = shared.lock();
            state.file.unsynced && state.health.broken.is_none()
        };
        if !waiting {
            return;
        }
        thread::sleep(if shared.sync == SyncMode::Group { delay } else { Duration::ZERO });
        let (file, last) = {
            let mut state = shared.lock();
            state.file.unsynced = false;
            (Arc::clone(&state.file.file), state.file.written.chain.last())
        };
        shared.set_syncing(Some((shared.elapsed)()));
        let synced = shared.sync_all(&file);
        shared.set_syncing(None);
        let mut state = shared.lock();
        match synced {
            Ok(()) => state.health.counts.last_sync = Some((shared.notices.now)()),
            Err(error) => {
                state.health.notices.event(format!(
                    "lines that were written, up to line {last}, could not be synced: {error}; some may be \
                     lost after a crash"
                ));
                state.set_broken(SinkError(error.to_string()), shared);
            }
        }
    }

    /// Logs the notices that can no longer be written to the audit log.
    fn log_pending_notices(&self) {
        let state = self.shared.lock();
        for reason in state.health.notices.reasons(self.shared.requirement) {
            tracing::error!("the audit log ends without this line: {reason}");
        }
    }

    fn warn_of_lost(&mut self, now: Duration) {
        let lost = self.shared.lock().health.counts.lost;
        let early = self.warned.is_some_and(|at| now.saturating_sub(at) < WARNING);
        if self.shared.requirement == Requirement::Required || lost == self.lost || early {
            return;
        }
        tracing::warn!(lines = lost - self.lost, "lines of the audit log are lost: it cannot be written");
        (self.lost, self.warned) = (lost, Some(now));
    }

    /// Logs, once an hour, that files are not removed by age because their age cannot be determined.
    fn warn_of_clock(&mut self, now: Duration) {
        const EVERY: Duration = Duration::from_secs(3600);
        let shared = &self.shared;
        let Some(doubt) = shared.opened.doubt((shared.notices.now)(), now, shared.rotation.keep) else {
            if self.doubted.take().is_some() {
                tracing::info!("the system clock again agrees with the time that has passed");
            }
            return;
        };
        if self.doubted.is_some_and(|at| now.saturating_sub(at) < EVERY) {
            return;
        }
        let first = self.doubted.replace(now).is_none();
        if shared.rotation.keep.is_some() {
            tracing::error!(
                "{doubt}: until that is resolved, no rotated file of the audit log is removed for its age; correct the \
                 clock, or restart if it is correct now"
            );
        } else {
            tracing::warn!("{doubt}: lines of the audit log are dated by this clock");
        }
        if first {
            shared.lock().health.notices.event(format!("{doubt}; lines are dated by this clock"));
        }
    }
}

impl Shared {
    /// Checks how much is free on the log's file system, so that refusals stop while there is still room for permits.
    pub(super) fn look_at_room(&self) {
        let accepted = {
            let state = self.lock();
            if state.file.id.is_none() || self.min_free == 0 {
                return;
            }
            state.health.room.accepted()
        };
        let free = (self.free_space)(self.names.folder());
        let mut state = self.lock();
        let before = state.health.room.shortage;
        state.health.room.look(accepted, free, self.min_free, (self.elapsed)());
        match (before, state.health.room.shortage) {
            (None, Some(shortage)) => state.health.report_shortage(shortage, self.min_free, (self.elapsed)()),
            (Some(_), None) => tracing::info!("refused attempts are written to the audit log again"),
            _ => {}
        }
    }

    pub(super) fn checkpoint_if_due(&self, elapsed: Duration) {
        let due = {
            let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.is_due(elapsed))
        };
        if due {
            self.checkpoint(Kind::Hour);
        }
    }

    /// Writes a checkpoint, if the log has any, once the lines that it covers are on disk. A failure is logged once,
    /// and the next tick tries again.
    pub(super) fn checkpoint(&self, kind: Kind) {
        let mut checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(checkpoints) = checkpoints.as_mut() else { return };
        let (file, chain) = {
            let state = self.lock();
            if state.health.broken.is_some() {
                return;
            }
            (Arc::clone(&state.file.file), state.file.written.chain)
        };
        let at = ((self.notices.now)(), (self.elapsed)());
        let written = file.sync_data().and_then(|()| checkpoints.write(kind, chain, &self.notices.identity, at));
        match written {
            Ok(()) => checkpoints.error = None,
            Err(error) => {
                if checkpoints.error.is_none() {
                    tracing::error!(%error, "no checkpoint could be written to `{}`", checkpoints.path().display());
                }
                checkpoints.error = Some(error.to_string());
            }
        }
    }
}
