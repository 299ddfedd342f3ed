//! What callers and the maintenance worker share: the queue of lines, the open file, and the log's health.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::super::notice::Notices;
use super::super::sink::{LineClass, Requirement, SecondarySink, SinkError, WriteAhead};
use super::access::FileAccess;
use super::checkpoint::Checkpoints;
use super::clock::{Opened, signed};
use super::found::FileId;
use super::health::Health;
use super::names::Names;
use super::open_file::OpenFile;
use super::queue::{Queue, Taken};
use super::settings::{Rotation, SyncMode};

/// What callers and the maintenance worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) names: Names,
    pub(super) sync: SyncMode,
    pub(super) requirement: Requirement,
    pub(super) group_delay: Duration,
    pub(super) rotation: Rotation,
    pub(super) secondary: Vec<Arc<dyn SecondarySink>>,
    /// The write-ahead store that is written before each batch of lines.
    pub(super) ahead: OnceLock<Arc<dyn WriteAhead>>,
    pub(super) notices: Notices,
    /// The monotonic clock.
    pub(super) elapsed: fn() -> Duration,
    pub(super) opened: Opened,
    /// Free bytes of the file system that are reserved for permits.
    pub(super) min_free: u64,
    /// How many bytes are free on the file system of a folder.
    pub(super) free_space: fn(&Path) -> Option<u64>,
    pub(super) access: FileAccess,
    pub(super) checkpoints: Mutex<Option<Checkpoints>>,
    pub(super) state: Mutex<State>,
    /// Signals callers that a group of lines was written, or could not be.
    pub(super) turned: Condvar,
    /// Signals the maintenance worker that there is something to do.
    pub(super) wake: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) file: OpenFile,
    pub(super) health: Health,
    pub(super) stopping: bool,
}

/// Where a write failed.
pub(super) enum Failed {
    Write(io::Error),
    /// Earlier lines may be lost as well.
    Sync(io::Error),
    /// Another process changed the file; the maintenance worker separates its bytes from the log's.
    Changed(io::Error),
}

/// The most bytes that a line has in addition to its event.
const LINE_OVERHEAD: u64 = 128;

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state at a moment when no caller is writing.
    pub(super) fn exclusive(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.queue.leading.is_some() {
            state = self.wait(state);
        }
        state
    }

    pub(super) fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.queue.waiting += 1;
        let mut state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.queue.waiting -= 1;
        state
    }
}

impl State {
    pub(super) fn new(file: OpenFile) -> Self {
        Self { queue: Queue::new(file.written.chain), file, health: Health::new(), stopping: false }
    }

    /// Queues a line.
    pub(super) fn append(&mut self, class: LineClass, event: &str) {
        let bytes = self.queue.push(class, event);
        if !matches!(class, LineClass::Permit | LineClass::Outcome) {
            self.file.others += bytes;
        }
        self.health.room.accept(bytes);
    }

    /// Whether there is no room for a refusal. If so, it is counted, and a notice gives the reason once.
    pub(super) fn leaves_out(&mut self, event: &str, shared: &Shared) -> bool {
        let health = &mut self.health;
        let known = health.room.shortage.is_some();
        let bytes = event.len() as u64 + LINE_OVERHEAD;
        let shortage = health.room.shortage_for(bytes, self.file.others, shared.rotation.size);
        let Some(shortage) = shortage else { return false };
        if !known {
            health.report_shortage(shortage, shared.min_free, (shared.elapsed)());
        }
        health.counts.left_out += 1;
        true
    }

    /// Makes a new file the current one, and returns the old one.
    pub(super) fn begin_file(&mut self, file: File, id: Option<FileId>, elapsed: Duration) -> Arc<File> {
        let old = self.file.replace(file, id, elapsed, self.queue.others());
        self.health.room.begin_file();
        self.queue.unstamped.owe();
        old
    }

    /// Queues a line for each pending notice, before the next line of a caller.
    pub(super) fn queue_notices(&mut self, shared: &Shared) {
        if self.health.notices.is_empty() {
            return;
        }
        let notices = std::mem::take(&mut self.health.notices);
        for reason in notices.reasons(shared.requirement) {
            self.append(LineClass::Notice, &shared.notices.event(&reason));
        }
        self.queue.in_flight.add(notices);
    }

    pub(super) fn take(&mut self) -> Taken {
        self.queue.take(self.file.written)
    }

    /// Accounts for lines that were written.
    pub(super) fn succeed(&mut self, taken: Taken, passed_on: Result<(), SinkError>, sync: SyncMode, shared: &Shared) {
        let Taken { lines, count, group, reached, .. } = taken;
        if self.file.written.length == 0 {
            self.file.begun = signed((shared.elapsed)());
        }
        self.file.written = reached;
        self.health.counts.written += count;
        self.health.failing = None;
        group.outcome.get_or_init(|| passed_on);
        self.queue.reuse(lines);
        if sync == SyncMode::Always {
            self.health.counts.last_sync = Some((shared.notices.now)());
        }
        // Lines for which no caller waits are synced along with later ones, or by the maintenance worker.
        let unsynced = sync != SyncMode::Always && shared.sync != SyncMode::None;
        let first = unsynced && shared.sync == SyncMode::Group && !self.file.unsynced;
        self.file.unsynced = unsynced;
        if first || shared.rotation.is_due_by_size(reached.shares) {
            shared.wake.notify_one();
        }
    }

    /// Restores the log to its last complete line. Pending lines fail too, because they follow the failed ones in the
    /// chain.
    pub(super) fn fail(&mut self, taken: Taken, failed: &Failed, shared: &Shared) {
        let (Failed::Write(error) | Failed::Sync(error) | Failed::Changed(error)) = failed;
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            self.health.room.fill((shared.elapsed)());
        }
        let why = SinkError(error.to_string());
        self.refuse(taken, &why, shared);
        let pending = self.take();
        self.refuse(pending, &why, shared);
        let cut = if matches!(failed, Failed::Changed(_)) { Ok(()) } else { self.file.cut_back() };
        if let Err(error) = &cut {
            tracing::error!(%error, "the audit log could not be truncated to its last complete line");
        }
        if cut.is_err() || !matches!(failed, Failed::Write(_)) {
            self.set_broken(why, shared);
        }
    }

    /// Stops all writing until the maintenance worker has repaired the log.
    pub(super) fn set_broken(&mut self, why: SinkError, shared: &Shared) {
        if self.health.broken.is_none() {
            tracing::error!("{why}");
        }
        let pending = self.take();
        self.refuse(pending, &why, shared);
        if self.queue.waiting > 0 {
            shared.turned.notify_all();
        }
        self.health.failing = Some(why.clone());
        self.health.broken = Some(why);
        shared.wake.notify_one();
    }

    fn refuse(&mut self, taken: Taken, why: &SinkError, shared: &Shared) {
        taken.group.outcome.get_or_init(|| Err(why.clone()));
        self.health.notices.add(taken.in_flight);
        self.queue.unstamped.owe();
        self.health.count_failed(taken.count, why, shared.requirement, shared.notices.now);
        self.queue.chain = self.file.written.chain;
        self.file.others = self.file.written.shares.others;
    }
}
