//! The store's thread: syncs along with the audit log, rotates files, and forgets old nonces.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::audit::{SinkError, SyncTicket};
use crate::identity::Moment;

use super::Shared;
use super::frame::Stamp;
use super::writer::{CurrentFile, Writer, remove};

const TICK: Duration = Duration::from_secs(1);
/// The number of forgotten nonces that one tick removes.
const DRAINED_AT_ONCE: usize = 4096;

/// Coordinates the calls that wait for the disk with the thread that syncs.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    /// The number of writes.
    written: AtomicU64,
    state: Mutex<SyncProgress>,
    wake: Condvar,
    done: Condvar,
}

#[derive(Debug, Default)]
struct SyncProgress {
    wanted: u64,
    /// The last write that is known to have reached the disk or to have failed.
    finished: u64,
    /// The last failure, and the last write that it affects.
    failed: Option<(u64, String)>,
    stopping: bool,
}

impl Syncs {
    pub(super) fn wrote(&self) {
        self.written.fetch_add(1, Ordering::Release);
    }

    pub(super) fn start(&self) -> Option<SyncTicket> {
        let written = self.written.load(Ordering::Acquire);
        let mut state = self.lock();
        if state.finished >= written {
            return None;
        }
        state.wanted = state.wanted.max(written);
        self.wake.notify_one();
        Some(SyncTicket(written))
    }

    pub(super) fn finish(&self, ticket: SyncTicket) -> Result<(), SinkError> {
        let mut state = self.lock();
        while state.finished < ticket.0 && !state.stopping {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &state.failed {
            Some((reach, error)) if *reach >= ticket.0 => {
                Err(SinkError(format!("the nonce file cannot be synced: {error}")))
            }
            _ if state.finished < ticket.0 => Err(SinkError("the nonce store was closed".to_owned())),
            _ => Ok(()),
        }
    }

    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_one();
        self.done.notify_all();
    }

    fn complete(&self, written: u64, synced: io::Result<()>) {
        let mut state = self.lock();
        state.finished = state.finished.max(written);
        match synced {
            Ok(()) => {}
            Err(error) => state.failed = Some((written, error.to_string())),
        }
        self.done.notify_all();
    }

    /// Waits for the next tick, for a sync to do, or for the stop.
    fn wait(&self) -> Work {
        let mut state = self.lock();
        loop {
            if state.stopping {
                return Work::Stop;
            }
            if state.wanted > state.finished {
                return Work::Sync;
            }
            let (woken, wait) = self.wake.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner);
            if wait.timed_out() {
                return Work::Tick;
            }
            state = woken;
        }
    }

    fn lock(&self) -> MutexGuard<'_, SyncProgress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Work {
    Sync,
    Tick,
    Stop,
}

impl Shared {
    /// Runs until the store is closed.
    pub(super) fn work(&self) {
        let mut ticked = (self.steady)();
        loop {
            match self.syncs.wait() {
                Work::Stop => return,
                Work::Sync => self.sync(),
                Work::Tick => {}
            }
            let steady = (self.steady)();
            if steady.saturating_sub(ticked) >= TICK {
                ticked = steady;
                self.tick();
            }
        }
    }

    fn sync(&self) {
        let (written, file) = {
            let writer = self.writer();
            (self.syncs.written.load(Ordering::Acquire), writer.file())
        };
        let synced = file.sync_data();
        if let Err(error) = &synced {
            tracing::error!(%error, "the nonce file could not be synced to disk: starting a new one");
            self.writer().mark_broken((self.now)().as_second());
        }
        self.syncs.complete(written, synced);
    }

    pub(super) fn tick(&self) {
        // Nonces of calls that were refused after authentication have no line that would write them.
        if let Err(error) = self.write_pending(None) {
            tracing::error!("{}", error.0);
        }
        {
            let mut memory = self.memory();
            let now = Moment { wall: (self.now)().as_second(), steady: (self.steady)() };
            memory.table.forget(now);
            memory.table.drain(DRAINED_AT_ONCE);
        }
        let due = self.writer().is_due((self.steady)());
        if due && let Err(error) = self.rotate() {
            tracing::error!(%error, "could not start a new nonce file: the current one keeps growing");
        }
    }

    /// Switches to a new file. Calls do not wait for the disk meanwhile.
    pub(super) fn rotate(&self) -> io::Result<()> {
        let state = self.state();
        let (number, snapshot, line) = {
            let mut writer = self.writer();
            let (number, snapshot) = writer.next(&state)?;
            (number, snapshot, writer.line())
        };
        let stamp = Stamp { line, wall: state.wall };
        let next = CurrentFile::create(&self.names, &self.key, number, &snapshot, stamp, state.steady);
        let next = next.inspect_err(|_| self.writer().abandon_switch())?;
        let (before, obsolete) = {
            let mut writer = self.writer();
            let stamp = self.stamp(writer.line());
            writer.switch_to(next, snapshot.first, stamp)?
        };
        // This thread also syncs the new file, so that happens after this sync.
        if let Err(error) = before.sync_data() {
            self.writer().mark_broken((self.now)().as_second());
            return Err(error);
        }
        remove(&self.names, &obsolete);
        Ok(())
    }

    /// Replaces a broken file with a new one immediately.
    pub(super) fn replace_broken(&self, writer: &mut Writer) -> io::Result<()> {
        let state = self.state();
        let (number, snapshot) = writer.next(&state)?;
        let stamp = self.stamp(writer.line());
        let next = CurrentFile::create(&self.names, &self.key, number, &snapshot, stamp, state.steady);
        let next = next.inspect_err(|_| writer.abandon_switch())?;
        let (before, obsolete) = writer.switch_to(next, snapshot.first, stamp)?;
        // The old file may contain frames that were not yet synced.
        if before.sync_data().is_err() {
            writer.mark_broken((self.now)().as_second());
        }
        remove(&self.names, &obsolete);
        Ok(())
    }
}
