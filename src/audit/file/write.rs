//! Writing: the first caller that finds no write in progress writes the pending lines of all callers.

use std::fs::File;
use std::io;
use std::sync::{Arc, MutexGuard};

use super::super::sink::{Appended, LineClass, Requirement, SinkFault};
use super::SyncMode;
use super::found::{FileId, Found};
use super::slow::LONGEST_SYNC;
use super::state::{Failed, Shared, State, Taken};

impl Shared {
    /// Writes an event; where lines are not required, one that cannot be written counts as lost and is no fault.
    pub(super) fn write(&self, class: LineClass, event: &str, sync: SyncMode) -> Result<Appended, SinkFault> {
        match (self.write_or_fail(class, event, sync), self.requirement) {
            (Err(_), Requirement::BestEffort) => Ok(Appended::Written),
            (outcome, _) => outcome,
        }
    }

    /// The first caller that finds no write in progress writes the pending lines of all callers.
    fn write_or_fail(&self, class: LineClass, event: &str, sync: SyncMode) -> Result<Appended, SinkFault> {
        let mut state = self.lock();
        if class == LineClass::Refusal && state.leaves_out(event, self) {
            return Ok(Appended::Counted);
        }
        // No more is handed to a disk that does not take what it has.
        while state.syncing.is_some_and(|since| self.has_lasted(since, LONGEST_SYNC)) && state.bad.is_none() {
            state = self.wait(state);
        }
        if let Some(fault) = state.bad.clone() {
            state.count_failed(1, &fault, self);
            return Err(fault);
        }
        state.tell(self);
        state.append(class, event);
        state.pending_lines += 1;
        if sync == SyncMode::Always {
            state.wanted = SyncMode::Always;
        }
        let batch = Arc::clone(&state.batch);
        loop {
            if let Some(outcome) = batch.outcome.get() {
                return outcome.clone().map(|()| Appended::Written);
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
            let id = state.id;
            state.leading = Some((self.elapsed)());
            drop(state);
            let outcome = self.flush(&file, id, &taken, sync);
            let followed = if outcome.is_ok() { self.follow(&taken) } else { Ok(()) };
            state = self.lock();
            state.leading = None;
            (outcome, followed)
        } else {
            let outcome = self.hand_over(&file, &taken).map_err(Failed::Write);
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

    /// Whether calls wait for a sink other than the file.
    pub(super) fn waits_for_others(&self) -> bool {
        self.followers.iter().any(|follower| follower.requirement() == Requirement::Required)
    }

    /// Passes written lines to the other sinks. The lines stay in the file if a sink does not take them.
    fn follow(&self, taken: &Taken) -> Result<(), SinkFault> {
        let mut followed = Ok(());
        for follower in &self.followers {
            // Every sink is asked, even after another one failed.
            followed = followed.and(follower.take(&taken.lines, taken.count));
        }
        followed
    }

    /// Writes to disk, and looks whether that is still the file that the path names.
    fn flush(&self, file: &File, id: Option<FileId>, taken: &Taken, sync: SyncMode) -> Result<(), Failed> {
        self.hand_over(file, taken).map_err(Failed::Write)?;
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
