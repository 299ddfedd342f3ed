//! What writers and the keeper share: the chain, the lines that are pending, and how the file is doing.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::ahead::{Stamping, WriteAhead};
use super::super::chain::Chain;
use super::super::follower::Follower;
use super::super::notice::Notices;
use super::super::sink::{LineClass, Requirement, Shortage, SinkFault};
use super::SyncMode;
use super::access::FileAccess;
use super::checkpoint::Checkpoints;
use super::clock::{Opened, signed};
use super::found::FileId;
use super::names::Names;
use super::owed::Owed;
use super::room::{Room, Shares};
use super::rotate::Rotation;
use super::unstamped::Unstamped;

/// What the writers and the keeper share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) names: Names,
    pub(super) sync: SyncMode,
    pub(super) requirement: Requirement,
    pub(super) group_delay: Duration,
    pub(super) rotation: Rotation,
    pub(super) followers: Vec<Arc<dyn Follower>>,
    /// The write-ahead store that is written before each batch of lines.
    pub(super) ahead: OnceLock<Arc<dyn WriteAhead>>,
    pub(super) notices: Notices,
    /// The clock that is never set.
    pub(super) elapsed: fn() -> Duration,
    pub(super) opened: Opened,
    /// Bytes of the file system that are kept for permits, and who knows how many are free.
    pub(super) min_free: u64,
    pub(super) free_space: fn(&Path) -> Option<u64>,
    pub(super) access: FileAccess,
    pub(super) checkpoints: Mutex<Option<Checkpoints>>,
    pub(super) state: Mutex<State>,
    /// A batch is done.
    pub(super) turned: Condvar,
    /// There is something to do for the keeper.
    pub(super) wake: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) file: Arc<File>,
    /// None where it is no regular file: nothing of it can be compared, cut or renamed.
    pub(super) id: Option<FileId>,
    /// The number of the file's first line, and when that was written, by the clock that is never set; of the next line,
    /// while there is none.
    pub(super) first: u64,
    pub(super) begun: SignedDuration,
    /// What stands in the file, to come back to when a write fails.
    pub(super) written: Written,
    pub(super) chain: Chain,
    pending: Vec<u8>,
    pub(super) pending_lines: u64,
    pending_shares: Shares,
    /// What the write-ahead store has to be told of the lines.
    pub(super) unstamped: Unstamped,
    /// How much of the file is no permit, with the lines that are on their way into it.
    others: u64,
    pub(super) room: Room,
    pub(super) batch: Arc<Batch>,
    /// The strictest wish among the pending lines.
    pub(super) wanted: SyncMode,
    /// Since when somebody writes without holding the state.
    pub(super) leading: Option<Duration>,
    /// Who waits for a turn: waking nobody would cost a system call a line.
    pub(super) waiting: usize,
    /// Lines were handed over that are not on disk yet, and somebody was told to see to it.
    pub(super) unsynced: bool,
    /// Since when the keeper waits for the disk to take what `group` handed over.
    pub(super) syncing: Option<Duration>,
    /// Nothing can be written until the keeper has mended it.
    pub(super) bad: Option<SinkFault>,
    /// What went wrong last, until something is written again.
    pub(super) failing: Option<SinkFault>,
    /// What the log has to say of itself, and what of it is on the way.
    pub(super) owed: Owed,
    telling: Owed,
    pub(super) counts: Counts,
    pub(super) rotation_failed: Option<Duration>,
    pub(super) stopping: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) chain: Chain,
    pub(super) length: u64,
    pub(super) shares: Shares,
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) written: u64,
    /// Lines whose calls were refused for it.
    pub(super) failed: u64,
    /// Lines whose calls went on without.
    pub(super) lost: u64,
    /// Refusals that were not written because the log had no room for them.
    pub(super) left_out: u64,
    pub(super) last_sync: Option<Timestamp>,
}

/// Lines that are written together, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) outcome: OnceLock<Result<(), SinkFault>>,
}

/// What a leader took with it.
pub(super) struct Taken {
    pub(super) lines: Vec<u8>,
    pub(super) count: u64,
    pub(super) stamping: Stamping,
    batch: Arc<Batch>,
    telling: Owed,
    pub(super) reached: Written,
}

/// How far it came.
pub(super) enum Failed {
    Write(io::Error),
    /// Earlier lines may be lost as well.
    Sync(io::Error),
    /// It is not the file that it was: what belongs to whom is sorted out by the keeper.
    Changed(io::Error),
}

impl State {
    pub(super) fn new(file: File, id: Option<FileId>, written: Written, first: u64, begun: SignedDuration) -> Self {
        Self {
            file: Arc::new(file),
            id,
            first,
            begun,
            chain: written.chain,
            written,
            pending: Vec::new(),
            pending_lines: 0,
            pending_shares: Shares::default(),
            unstamped: Unstamped::new(),
            others: written.shares.others,
            room: Room::new(),
            batch: Arc::default(),
            wanted: SyncMode::None,
            leading: None,
            waiting: 0,
            unsynced: false,
            syncing: None,
            bad: None,
            failing: None,
            owed: Owed::default(),
            telling: Owed::default(),
            counts: Counts::default(),
            rotation_failed: None,
            stopping: false,
        }
    }
}

/// The most bytes that a line has besides its event.
const LINE_OVERHEAD: u64 = 128;
/// Between two notices that the disk is short of room.
const BETWEEN_SHORTAGES: Duration = Duration::from_secs(600);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state at a moment when nobody writes.
    pub(super) fn exclusive(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.leading.is_some() {
            state = self.wait(state);
        }
        state
    }

    pub(super) fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }
}

impl State {
    /// Puts an event at the end of the lines that are pending.
    pub(super) fn append(&mut self, class: LineClass, event: &str) {
        let before = self.pending.len();
        self.chain.append(event, &mut self.pending);
        let bytes = (self.pending.len() - before) as u64;
        self.pending_shares.add(class, bytes);
        self.unstamped.add(class, bytes);
        if !matches!(class, LineClass::Permit | LineClass::Outcome) {
            self.others += bytes;
        }
        self.room.accept(bytes);
    }

    /// Whether a refusal is not written for want of room. It is counted then, and the log says once why.
    pub(super) fn leaves_out(&mut self, event: &str, shared: &Shared) -> bool {
        let known = self.room.shortage.is_some();
        let bytes = event.len() as u64 + LINE_OVERHEAD;
        let Some(shortage) = self.room.shortage_for(bytes, self.others, shared.rotation.size) else { return false };
        if !known {
            self.say_short(shortage, shared);
        }
        self.counts.left_out += 1;
        true
    }

    /// Tells that refusals are only counted from now on: once a file for its share, and for the disk not too often.
    pub(super) fn say_short(&mut self, shortage: Shortage, shared: &Shared) {
        let why = match shortage {
            Shortage::FileShare => {
                "refused attempts are only counted until the next file: they have used their share of this one"
                    .to_owned()
            }
            Shortage::Space => {
                let elapsed = (shared.elapsed)();
                if self.room.told.is_some_and(|at| elapsed.saturating_sub(at) < BETWEEN_SHORTAGES) {
                    return;
                }
                self.room.told = Some(elapsed);
                format!(
                    "refused attempts are only counted while the log's file system is short of room: {} bytes are kept \
                     for calls that are permitted (`min_free`)",
                    shared.min_free
                )
            }
        };
        tracing::warn!("audit log: {why}");
        self.owed.event(why);
    }

    /// The lines from now on go into a new file.
    pub(super) fn begin_file(&mut self, file: File, id: Option<FileId>, elapsed: Duration) -> Arc<File> {
        (self.id, self.begun, self.first) = (id, signed(elapsed), self.written.chain.next());
        (self.written.length, self.written.shares) = (0, Shares::default());
        self.others = self.pending_shares.others;
        self.room.begin_file();
        self.unstamped.owe();
        std::mem::replace(&mut self.file, Arc::new(file))
    }

    /// Puts what the log has to say before whatever comes next.
    pub(super) fn tell(&mut self, shared: &Shared) {
        if self.owed.is_empty() {
            return;
        }
        let owed = std::mem::take(&mut self.owed);
        for reason in owed.reasons(shared.requirement) {
            self.append(LineClass::Notice, &shared.notices.event(&reason));
        }
        self.telling.add(owed);
    }

    pub(super) fn take(&mut self) -> Taken {
        let lines = std::mem::take(&mut self.pending);
        let reached = Written {
            chain: self.chain,
            length: self.written.length + lines.len() as u64,
            shares: self.written.shares.and(std::mem::take(&mut self.pending_shares)),
        };
        Taken {
            lines,
            count: std::mem::take(&mut self.pending_lines),
            stamping: self.unstamped.take(),
            batch: std::mem::take(&mut self.batch),
            telling: std::mem::take(&mut self.telling),
            reached,
        }
    }

    pub(super) fn succeed(&mut self, taken: Taken, followed: Result<(), SinkFault>, sync: SyncMode, shared: &Shared) {
        let Taken { mut lines, count, stamping: _, batch, telling: _, reached } = taken;
        if self.written.length == 0 {
            self.begun = signed((shared.elapsed)());
        }
        self.written = reached;
        self.counts.written += count;
        self.failing = None;
        batch.outcome.get_or_init(|| followed);
        if self.pending.capacity() == 0 {
            lines.clear();
            self.pending = lines;
        }
        if sync == SyncMode::Always {
            self.counts.last_sync = Some((shared.notices.now)());
        }
        // Lines that nobody waits for are synced with the next that are, or by the keeper.
        let handed_over = sync != SyncMode::Always && shared.sync != SyncMode::None;
        let first = handed_over && shared.sync == SyncMode::Group && !self.unsynced;
        self.unsynced = handed_over;
        if first || shared.rotation.is_due_by_size(reached.shares) {
            shared.wake.notify_one();
        }
    }

    /// Takes the log back to the last good line. Lines that are pending name the failed ones: they fail with them.
    pub(super) fn fail(&mut self, taken: Taken, failed: &Failed, shared: &Shared) {
        let (Failed::Write(error) | Failed::Sync(error) | Failed::Changed(error)) = failed;
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            self.room.fill((shared.elapsed)());
        }
        let fault = SinkFault(error.to_string());
        self.refuse(taken, &fault, shared);
        let pending = self.take();
        self.refuse(pending, &fault, shared);
        let cut = if matches!(failed, Failed::Changed(_)) { Ok(()) } else { self.cut_back() };
        if let Err(error) = &cut {
            tracing::error!(%error, "the audit log could not be cut back to its last good line");
        }
        if cut.is_err() || !matches!(failed, Failed::Write(_)) {
            self.turn_bad(fault, shared);
        }
    }

    /// Takes out what stands behind the last good line. A file is never made longer.
    pub(super) fn cut_back(&self) -> io::Result<()> {
        if self.id.is_some() && self.file.metadata()?.len() > self.written.length {
            self.file.set_len(self.written.length)?;
        }
        Ok(())
    }

    /// Nothing more is written before it is mended.
    pub(super) fn turn_bad(&mut self, fault: SinkFault, shared: &Shared) {
        if self.bad.is_none() {
            tracing::error!("{fault}");
        }
        let pending = self.take();
        self.refuse(pending, &fault, shared);
        if self.waiting > 0 {
            shared.turned.notify_all();
        }
        self.failing = Some(fault.clone());
        self.bad = Some(fault);
        shared.wake.notify_one();
    }

    fn refuse(&mut self, taken: Taken, fault: &SinkFault, shared: &Shared) {
        taken.batch.outcome.get_or_init(|| Err(fault.clone()));
        self.owed.add(taken.telling);
        self.unstamped.owe();
        self.count_failed(taken.count, fault, shared);
        (self.chain, self.others) = (self.written.chain, self.written.shares.others);
    }

    pub(super) fn count_failed(&mut self, lines: u64, fault: &SinkFault, shared: &Shared) {
        match shared.requirement {
            Requirement::Required => self.counts.failed += lines,
            Requirement::BestEffort => self.counts.lost += lines,
        }
        self.owed.failed(lines, fault, shared.notices.now);
        self.failing = Some(fault.clone());
    }
}
