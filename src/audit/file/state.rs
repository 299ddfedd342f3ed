//! The writer: one chain without gaps, and a disk that is waited for once by all who wait.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::super::ahead::WriteAhead;
use super::super::chain::Chain;
use super::super::follower::Follower;
use super::super::notice::Notices;
use super::super::sink::{Requirement, SinkFault};
use super::SyncMode;
use super::checkpoint::Checkpoints;
use super::found::{FileId, Found};
use super::names::Names;
use super::owed::Owed;
use super::rotate::Rotation;
use super::slow::LONGEST_SYNC;

/// What the writers and the keeper share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) names: Names,
    pub(super) sync: SyncMode,
    pub(super) requirement: Requirement,
    pub(super) group_delay: Duration,
    pub(super) rotation: Rotation,
    pub(super) followers: Vec<Arc<dyn Follower>>,
    /// What is written before each batch of lines.
    pub(super) ahead: OnceLock<Arc<dyn WriteAhead>>,
    pub(super) notices: Notices,
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
    /// The number of the file's first line, and when that was written; of the next line, while there is none.
    pub(super) first: u64,
    pub(super) begun: Timestamp,
    /// What stands in the file, to come back to when a write fails.
    pub(super) written: Written,
    pub(super) chain: Chain,
    pending: Vec<u8>,
    pending_lines: u64,
    batch: Arc<Batch>,
    /// The strictest wish among the pending lines.
    wanted: SyncMode,
    /// Since when somebody writes without holding the state.
    pub(super) leading: Option<Timestamp>,
    /// Who waits for a turn: waking nobody would cost a system call a line.
    pub(super) waiting: usize,
    /// Lines were handed over that are not on disk yet, and somebody was told to see to it.
    pub(super) unsynced: bool,
    /// Since when the keeper waits for the disk to take what `group` handed over.
    pub(super) syncing: Option<Timestamp>,
    /// Nothing can be written until the keeper has mended it.
    pub(super) bad: Option<SinkFault>,
    /// What went wrong last, until something is written again.
    pub(super) failing: Option<SinkFault>,
    /// What the log has to say of itself, and what of it is on the way.
    pub(super) owed: Owed,
    telling: Owed,
    pub(super) counts: Counts,
    pub(super) rotation_failed: Option<Timestamp>,
    pub(super) stopping: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) chain: Chain,
    pub(super) length: u64,
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) written: u64,
    /// Lines whose calls were refused for it.
    pub(super) failed: u64,
    /// Lines whose calls went on without.
    pub(super) lost: u64,
    pub(super) last_sync: Option<Timestamp>,
}

/// Lines that are written together, and what became of them.
#[derive(Debug, Default)]
struct Batch {
    outcome: OnceLock<Result<(), SinkFault>>,
}

/// What a leader took with it.
struct Taken {
    lines: Vec<u8>,
    count: u64,
    batch: Arc<Batch>,
    telling: Owed,
    reached: Written,
}

impl State {
    pub(super) fn new(file: File, id: Option<FileId>, written: Written, first: u64, begun: Timestamp) -> Self {
        Self {
            file: Arc::new(file),
            id,
            first,
            begun,
            chain: written.chain,
            written,
            pending: Vec::new(),
            pending_lines: 0,
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

    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    /// Writes an event; where lines are not required, one that cannot be written counts as lost and is no fault.
    pub(super) fn write(&self, event: &str, sync: SyncMode) -> Result<(), SinkFault> {
        match (self.write_or_fail(event, sync), self.requirement) {
            (Err(_), Requirement::BestEffort) => Ok(()),
            (outcome, _) => outcome,
        }
    }

    /// Whoever finds nobody writing writes for all who have lines pending.
    fn write_or_fail(&self, event: &str, sync: SyncMode) -> Result<(), SinkFault> {
        let mut state = self.lock();
        // No more is handed to a disk that does not take what it has.
        while state.syncing.is_some_and(|since| self.has_lasted(since, LONGEST_SYNC)) && state.bad.is_none() {
            state = self.wait(state);
        }
        if let Some(fault) = state.bad.clone() {
            state.count_failed(1, &fault, self);
            return Err(fault);
        }
        state.tell(self);
        let State { chain, pending, .. } = &mut *state;
        chain.append(event, pending);
        state.pending_lines += 1;
        if sync == SyncMode::Always {
            state.wanted = SyncMode::Always;
        }
        let batch = Arc::clone(&state.batch);
        loop {
            if let Some(outcome) = batch.outcome.get() {
                return outcome.clone();
            }
            state = if state.leading.is_some() { self.wait(state) } else { self.lead(state) };
        }
    }

    /// Writes what the log has to say of itself, if there is anything, and nothing else.
    pub(super) fn tell(&self) {
        if self.lock().owed.is_empty() {
            return;
        }
        let mut state = self.exclusive();
        if state.owed.is_empty() || state.bad.is_some() {
            return;
        }
        state.tell(self);
        state.wanted = self.sync;
        drop(self.lead(state));
    }

    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let sync = std::mem::replace(&mut state.wanted, SyncMode::None);
        let (taken, file) = (state.take(), Arc::clone(&state.file));
        let (outcome, followed) = if sync == SyncMode::Always || self.waits_for_others() {
            let (id, now) = (state.id, (self.notices.now)());
            state.leading = Some(now);
            drop(state);
            let outcome = self.flush(&file, id, &taken, sync);
            let followed = if outcome.is_ok() { self.follow(&taken) } else { Ok(()) };
            state = self.lock();
            state.leading = None;
            (outcome, followed)
        } else {
            let outcome = self.hand_over(&file, &taken.lines, taken.reached.chain.last()).map_err(Failed::Write);
            let followed = if outcome.is_ok() { self.follow(&taken) } else { Ok(()) };
            (outcome, followed)
        };
        match outcome {
            Ok(()) => state.succeed(taken, followed, sync, self),
            Err(failed) => state.fail(taken, &failed, self),
        }
        if state.waiting > 0 {
            self.turned.notify_all();
        }
        state
    }

    /// Whether calls wait for somebody besides the file.
    pub(super) fn waits_for_others(&self) -> bool {
        self.followers.iter().any(|follower| follower.requirement() == Requirement::Required)
    }

    /// Hands lines that stand in the file on. They stay there, whoever does not take them.
    fn follow(&self, taken: &Taken) -> Result<(), SinkFault> {
        let mut followed = Ok(());
        for follower in &self.followers {
            // Each of them is asked, whatever the others say.
            followed = followed.and(follower.take(&taken.lines, taken.count));
        }
        followed
    }

    /// Writes to disk, and looks whether that is still the file that the path names.
    fn flush(&self, file: &File, id: Option<FileId>, taken: &Taken, sync: SyncMode) -> Result<(), Failed> {
        self.hand_over(file, &taken.lines, taken.reached.chain.last()).map_err(Failed::Write)?;
        if sync != SyncMode::Always {
            return Ok(());
        }
        self.sync_all(file).map_err(Failed::Sync)?;
        match Found::look(self.names.current(), id, taken.reached.length) {
            Ok(Found::Same) => Ok(()),
            Ok(found) => {
                // What was just written stands at the end, behind whatever is left.
                if let Found::Truncated(length) = found {
                    file.set_len(length.saturating_sub(taken.lines.len() as u64)).map_err(Failed::Changed)?;
                }
                Err(Failed::Changed(io::Error::other(found.to_string())))
            }
            Err(error) => Err(Failed::Changed(error)),
        }
    }
}

/// How far it came.
enum Failed {
    Write(io::Error),
    /// What was written before may be gone too.
    Sync(io::Error),
    /// It is not the file that it was: what belongs to whom is sorted out by the keeper.
    Changed(io::Error),
}

impl State {
    /// Puts what the log has to say before whatever comes next.
    fn tell(&mut self, shared: &Shared) {
        if self.owed.is_empty() {
            return;
        }
        let owed = std::mem::take(&mut self.owed);
        for reason in owed.reasons(shared.requirement) {
            self.chain.append(&shared.notices.event(&reason), &mut self.pending);
        }
        self.telling.add(owed);
    }

    fn take(&mut self) -> Taken {
        let lines = std::mem::take(&mut self.pending);
        let reached = Written { chain: self.chain, length: self.written.length + lines.len() as u64 };
        Taken {
            lines,
            count: std::mem::take(&mut self.pending_lines),
            batch: std::mem::take(&mut self.batch),
            telling: std::mem::take(&mut self.telling),
            reached,
        }
    }

    fn succeed(&mut self, taken: Taken, followed: Result<(), SinkFault>, sync: SyncMode, shared: &Shared) {
        let Taken { mut lines, count, batch, telling: _, reached } = taken;
        if self.written.length == 0 {
            self.begun = (shared.notices.now)();
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
        if first || shared.rotation.is_due_by_size(reached.length) {
            shared.wake.notify_one();
        }
    }

    /// Takes the log back to the last good line. Lines that are pending name the failed ones: they fail with them.
    fn fail(&mut self, taken: Taken, failed: &Failed, shared: &Shared) {
        let (Failed::Write(error) | Failed::Sync(error) | Failed::Changed(error)) = failed;
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
        self.count_failed(taken.count, fault, shared);
        self.chain = self.written.chain;
    }

    fn count_failed(&mut self, lines: u64, fault: &SinkFault, shared: &Shared) {
        match shared.requirement {
            Requirement::Required => self.counts.failed += lines,
            Requirement::BestEffort => self.counts.lost += lines,
        }
        self.owed.failed(lines, fault, shared.notices.now);
        self.failing = Some(fault.clone());
    }
}
