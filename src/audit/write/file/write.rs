//! Writing: the first caller that finds no write in progress writes the pending lines of all callers.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::super::sink::{Appended, LineClass, Requirement, SinkError};
use super::found::{FileId, Found};
use super::queue::Taken;
use super::settings::SyncMode;
use super::state::{Failed, Shared, State};

/// A sync of `group` that takes longer than this counts as slow: then lines are written where waiting blocks no other
/// work.
const SLOW_SYNC: Duration = Duration::from_millis(20);
/// A sync of `group` that takes longer than this makes callers wait, so that a disk that hangs costs few lines.
const LONGEST_SYNC: Duration = Duration::from_secs(1);

impl Shared {
    /// Writes an event. If lines are not required, one that cannot be written counts as lost, and that is not an error.
    pub(super) fn write(&self, class: LineClass, event: &str, sync: SyncMode) -> Result<Appended, SinkError> {
        match (self.write_or_fail(class, event, sync), self.requirement) {
            (Err(_), Requirement::BestEffort) => Ok(Appended::Written),
            (outcome, _) => outcome,
        }
    }

    /// The first caller that finds no write in progress writes the pending lines of all callers.
    fn write_or_fail(&self, class: LineClass, event: &str, sync: SyncMode) -> Result<Appended, SinkError> {
        let mut state = self.lock();
        if class == LineClass::Refusal && state.leaves_out(event, self) {
            return Ok(Appended::Counted);
        }
        // While the disk has not synced the earlier lines, no further ones are written to it.
        while state.file.syncing.is_some_and(|since| self.has_lasted(since, LONGEST_SYNC))
            && state.health.broken.is_none()
        {
            state = self.wait(state);
        }
        if let Some(why) = state.health.broken.clone() {
            state.health.count_failed(1, &why, self.requirement, self.notices.now);
            return Err(why);
        }
        state.queue_notices(self);
        state.append(class, event);
        state.queue.count += 1;
        if sync == SyncMode::Always {
            state.queue.wanted = SyncMode::Always;
        }
        let group = Arc::clone(&state.queue.group);
        loop {
            if let Some(outcome) = group.outcome.get() {
                return outcome.clone().map(|()| Appended::Written);
            }
            state = if state.queue.leading.is_some() { self.wait(state) } else { self.lead(state) };
        }
    }

    /// Writes the pending notices, if there are any, without waiting for a line of a caller.
    pub(super) fn write_notices(&self) {
        if self.lock().health.notices.is_empty() {
            return;
        }
        let mut state = self.exclusive();
        if state.health.notices.is_empty() || state.health.broken.is_some() {
            return;
        }
        state.queue_notices(self);
        state.queue.wanted = self.sync;
        drop(self.lead(state));
    }

    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let sync = std::mem::replace(&mut state.queue.wanted, SyncMode::None);
        let (taken, file) = (state.take(), Arc::clone(&state.file.file));
        let (outcome, passed_on) = if sync == SyncMode::Always || self.waits_for_secondary() {
            let id = state.file.id;
            state.queue.leading = Some((self.elapsed)());
            drop(state);
            let outcome = self.flush(&file, id, &taken, sync);
            let passed_on = if outcome.is_ok() { self.pass_on(&taken) } else { Ok(()) };
            state = self.lock();
            state.queue.leading = None;
            (outcome, passed_on)
        } else {
            let outcome = self.write_lines(&file, &taken).map_err(Failed::Write);
            let passed_on = if outcome.is_ok() { self.pass_on(&taken) } else { Ok(()) };
            (outcome, passed_on)
        };
        match outcome {
            Ok(()) => state.succeed(taken, passed_on, sync, self),
            Err(failed) => state.fail(taken, &failed, self),
        }
        if state.queue.waiting > 0 {
            self.turned.notify_all();
        }
        state
    }

    /// Whether calls wait for a sink other than the file.
    pub(super) fn waits_for_secondary(&self) -> bool {
        self.secondary.iter().any(|sink| sink.requirement() == Requirement::Required)
    }

    /// Passes written lines to the secondary sinks. The lines stay in the file even if such a sink does not take them.
    fn pass_on(&self, taken: &Taken) -> Result<(), SinkError> {
        let mut passed_on = Ok(());
        for sink in &self.secondary {
            // Every sink gets the lines, even after another one failed.
            passed_on = passed_on.and(sink.take(&taken.lines, taken.count));
        }
        passed_on
    }

    /// Writes lines and syncs them, then checks that the path still names this file.
    fn flush(&self, file: &File, id: Option<FileId>, taken: &Taken, sync: SyncMode) -> Result<(), Failed> {
        self.write_lines(file, taken).map_err(Failed::Write)?;
        if sync != SyncMode::Always {
            return Ok(());
        }
        self.sync_all(file).map_err(Failed::Sync)?;
        match Found::look(self.names.current(), id, taken.reached.length) {
            Ok(Found::Same) => Ok(()),
            Ok(found) => {
                // The lines just written are at the end, after the rest of the truncated file.
                if let Found::Truncated(length) = found {
                    file.set_len(length.saturating_sub(taken.lines.len() as u64)).map_err(Failed::Changed)?;
                }
                Err(Failed::Changed(io::Error::other(found.to_string())))
            }
            Err(error) => Err(Failed::Changed(error)),
        }
    }

    /// Writes lines, and before them the pending entries of the write-ahead store.
    pub(super) fn write_lines(&self, mut file: &File, taken: &Taken) -> io::Result<()> {
        if let Some(ahead) = self.ahead.get() {
            let last = taken.reached.chain.last();
            // Calls that may proceed without their lines may also proceed without this.
            if let (Err(error), Requirement::Required) = (ahead.write(last, taken.stamping), self.requirement) {
                return Err(io::Error::other(error.0));
            }
        }
        file.write_all(&taken.lines)
    }

    /// Waits until everything written is on disk. The log and the write-ahead store are synced at the same time.
    pub(super) fn sync_all(&self, file: &File) -> io::Result<()> {
        let ahead = self.ahead.get().and_then(|ahead| Some((ahead, ahead.start_sync()?)));
        let synced = file.sync_data();
        let ahead = ahead.map_or(Ok(()), |(ahead, ticket)| ahead.finish_sync(ticket));
        synced?;
        match (ahead, self.requirement) {
            (Err(error), Requirement::Required) => Err(io::Error::other(error.0)),
            _ => Ok(()),
        }
    }

    /// Whether a sync takes so long that a write may have to wait too.
    pub(super) fn is_slow(&self) -> bool {
        self.sync == SyncMode::Group && self.lock().file.syncing.is_some_and(|since| self.has_lasted(since, SLOW_SYNC))
    }

    pub(super) fn has_lasted(&self, since: Duration, length: Duration) -> bool {
        (self.elapsed)().saturating_sub(since) > length
    }

    /// Records since when the maintenance worker has been waiting for a sync, or that it no longer waits.
    pub(super) fn set_syncing(&self, since: Option<Duration>) {
        let mut state = self.lock();
        state.file.syncing = since;
        if since.is_none() && state.queue.waiting > 0 {
            self.turned.notify_all();
        }
    }
}
