//! The keeper: one thread a log, for all that no call waits for.
//!
//! It syncs what `group` handed over, looks whether the file is still there, mends what went bad, tells what the log
//! has to say of itself, rotates, and writes checkpoints.

use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use super::super::sink::{Requirement, SinkFault};
use super::SyncMode;
use super::checkpoint::Kind;
use super::state::Shared;

const TICK: Duration = Duration::from_secs(1);
/// How often it is tried again to mend a log.
const MENDING: Duration = Duration::from_millis(200);
const PACKING: Duration = Duration::from_secs(60);
/// Lost lines are not told more often.
const WARNING: Duration = Duration::from_secs(10);

pub(super) struct Keeper {
    shared: Arc<Shared>,
    /// Told of each file that was rotated.
    packer: Option<Sender<()>>,
    looked: Option<Duration>,
    lost: u64,
    warned: Option<Duration>,
    /// When the packer was last told to look.
    packed: Option<Duration>,
    /// When the log last warned that the wall clock cannot be trusted.
    doubted: Option<Duration>,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, packer: Option<Sender<()>>) -> Self {
        Self { shared, packer, looked: None, lost: 0, warned: None, packed: None, doubted: None }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        loop {
            let stopping = self.wait();
            let now = (self.shared.elapsed)();
            self.sync(if stopping { Duration::ZERO } else { self.shared.group_delay });
            let looked = self.looked.is_some_and(|at| now.saturating_sub(at) < TICK);
            let bad = self.shared.lock().bad.is_some();
            if !looked || bad || stopping || self.shared.sync == SyncMode::Group {
                self.shared.inspect();
            }
            if !looked || stopping {
                self.looked = Some(now);
                self.warn_of_lost(now);
                self.shared.look_at_room();
                self.warn_of_clock(now);
            }
            self.shared.tell();
            let rotated = self.shared.rotate_if_due(now);
            // Files grow old without a rotation, too.
            if rotated || self.packed.is_none_or(|at| now.saturating_sub(at) >= PACKING) {
                self.packed = Some(now);
                // The packer ends with its last word.
                let _ = self.packer.as_ref().map(|packer| packer.send(()));
            }
            self.shared.checkpoint_if_due(now);
            if stopping {
                self.shared.checkpoint(Kind::Stop);
                self.tell_what_is_untold();
                return;
            }
        }
    }

    /// Waits for something to do, at most for a tick; whether it is to stop.
    fn wait(&self) -> bool {
        let shared = &self.shared;
        let mut state = shared.lock();
        loop {
            let group = state.unsynced && shared.sync == SyncMode::Group && state.bad.is_none();
            if state.stopping || group || shared.rotation.is_due_now(&state, (shared.elapsed)()) {
                return state.stopping;
            }
            let patience = if state.bad.is_some() { MENDING } else { TICK };
            let woken = shared.wake.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            state = woken.0;
            if woken.1.timed_out() || state.bad.is_some() {
                return state.stopping;
            }
        }
    }

    /// Syncs what was handed over, once for all that comes within the delay.
    fn sync(&self, delay: Duration) {
        let shared = &self.shared;
        let waiting = {
            let state = shared.lock();
            state.unsynced && state.bad.is_none()
        };
        if !waiting {
            return;
        }
        thread::sleep(if shared.sync == SyncMode::Group { delay } else { Duration::ZERO });
        let (file, last) = {
            let mut state = shared.lock();
            state.unsynced = false;
            (Arc::clone(&state.file), state.written.chain.last())
        };
        shared.syncs(Some((shared.elapsed)()));
        let synced = shared.sync_all(&file);
        shared.syncs(None);
        let mut state = shared.lock();
        match synced {
            Ok(()) => state.counts.last_sync = Some((shared.notices.now)()),
            Err(error) => {
                state.owed.event(format!(
                    "the disk did not take lines that were handed over, up to line {last}: {error}; some may be gone \
                     after a crash"
                ));
                state.turn_bad(SinkFault(error.to_string()), shared);
            }
        }
    }

    /// Logs what the audit log had to say of itself and could not be written any more.
    fn tell_what_is_untold(&self) {
        let state = self.shared.lock();
        for reason in state.owed.reasons(self.shared.requirement) {
            tracing::error!("the audit log ends without this line: {reason}");
        }
    }

    fn warn_of_lost(&mut self, now: Duration) {
        let lost = self.shared.lock().counts.lost;
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
                tracing::info!("the system clock agrees with the time that has passed again");
            }
            return;
        };
        if self.doubted.is_some_and(|at| now.saturating_sub(at) < EVERY) {
            return;
        }
        let first = self.doubted.replace(now).is_none();
        if shared.rotation.keep.is_some() {
            tracing::error!(
                "{doubt}: no rotated file of the audit log is removed for its age meanwhile; set the clock right, or \
                 restart if it is right now"
            );
        } else {
            tracing::warn!("{doubt}: lines of the audit log are dated by it");
        }
        if first {
            shared.lock().owed.event(format!("{doubt}; lines are dated by it"));
        }
    }
}

impl Shared {
    /// Learns how much is free on the log's file system, so that refusals stop while there is room for permits.
    pub(super) fn look_at_room(&self) {
        let accepted = {
            let state = self.lock();
            if state.id.is_none() || self.min_free == 0 {
                return;
            }
            state.room.accepted()
        };
        let free = (self.free_space)(self.names.folder());
        let mut state = self.lock();
        let before = state.room.shortage;
        state.room.look(accepted, free, self.min_free, (self.elapsed)());
        match (before, state.room.shortage) {
            (None, Some(shortage)) => state.say_short(shortage, self),
            (Some(_), None) => tracing::info!("refused attempts are written to the audit log again"),
            _ => {}
        }
    }
}
