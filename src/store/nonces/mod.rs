//! The nonce store on disk: a signed call that one process accepted is not accepted again by the next.
//!
//! Nonces are checked in memory. The nonce of a call is written to the current file before the line of the audit log
//! that permits the call, and synced along with it. `frame` is the format, `files` the names and how they are opened,
//! `history` the reading of earlier files, `writer` the current file, `worker` the thread for syncing and rotation.
//!
//! # How a start knows that nothing is missing
//!
//! Each frame is stamped with the number of the last line that it precedes. A start doubts the files if the log permits
//! a signed call in a line after the last stamp.
//!
//! - A process that is killed leaves no such line. A batch of lines with a permit is preceded by a frame with the
//!   batch's last number, even if an earlier frame already contained all nonces (`audit::Stamping::Always`). After a
//!   kill, data that was handed to the operating system earlier exists if data that was handed over later does.
//! - Missing frames at the end are noticed. A nonce becomes pending before its call's line is made, and each frame
//!   contains everything that is pending. So the line of a permit whose frame is missing is later than the last stamp.
//! - If a rotation created a file to which no use was written, the stamp of the frame that ended the previous file
//!   counts: it was written last.

mod files;
mod frame;
mod history;
mod worker;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{FileSink, SinkError, Stamping, SyncTicket, WriteAhead};
use crate::identity::{DigestKey, Moment, NonceError, NonceLimits, NonceMemory, NonceTable, NonceUse, SignedNonce};

use super::private::FileModes;

use files::{Head, Names};
use frame::Stamp;
use history::{History, HistoryReader, boot};
use worker::Syncs;
use writer::{ProcessInfo, TableState, Writer, remove};

pub use files::NonceFileError;

/// How to open a nonce store.
#[derive(Clone, Debug)]
pub struct NonceFileSettings {
    /// The head file. The other files have its name and a number.
    pub path: PathBuf,
    pub limits: NonceLimits,
    pub modes: FileModes,
    /// Whether calls are forwarded even if they cannot be logged.
    pub best_effort: bool,
    pub now: fn() -> Timestamp,
    /// A monotonic clock.
    pub steady: fn() -> Duration,
}

#[derive(Debug)]
pub struct FileNonces {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// State shared by calls and the worker. Lock order: the writer, then the memory.
#[derive(Debug)]
struct Shared {
    key: DigestKey,
    names: Names,
    now: fn() -> Timestamp,
    steady: fn() -> Duration,
    memory: Mutex<Memory>,
    writer: Mutex<Writer>,
    syncs: Syncs,
    _head: Head,
}

#[derive(Debug)]
struct Memory {
    table: NonceTable,
    /// Uses that are not yet written.
    pending: Vec<NonceUse>,
    /// The buffer of the last batch, for reuse.
    spare: Vec<NonceUse>,
}

impl FileNonces {
    /// Opens or creates the store, and reads the nonces that earlier processes accepted. If the files may be
    /// incomplete, an ERROR names the reason, and calls that were signed before now are refused.
    ///
    /// # Errors
    /// The files cannot be used.
    pub fn open(settings: &NonceFileSettings, log: &FileSink) -> Result<Self, NonceFileError> {
        let NonceFileSettings { limits, modes, best_effort, now, steady, .. } = *settings;
        let io = |error| NonceFileError::Io { path: settings.path.clone(), error };
        let names = Names::new(settings.path.clone());
        let (head, _) = Head::open(&names, modes)?;
        let key = head.key;
        let mut table = NonceTable::new(limits);
        let reading =
            HistoryReader { names: &names, key: &key, modes, log, now: now(), steady: steady(), span: limits.span };
        let began = steady();
        let past = reading.read(&mut table)?;
        let floor = floor(&past, &settings.path, reading.now, limits.span);
        table.raise_floor(floor.unwrap_or(i64::MIN));
        table.fold(reading.now.as_second());
        table.forget(Moment { wall: reading.now.as_second(), steady: steady() });
        let held = table.held();
        if held > 0 {
            let took = steady().saturating_sub(began);
            tracing::info!(nonces = held, ?took, "read the nonces of earlier processes");
        }
        let state = state(&table, now(), steady());
        let is_needed = |newest: i64| floor.is_none() && table.oldest().is_some_and(|oldest| newest >= oldest);
        let first = past.files.iter().find(|(_, newest)| is_needed(*newest)).map_or(past.next, |(first, _)| *first);
        let (kept, dropped): (Vec<_>, Vec<_>) = past.files.iter().copied().partition(|(number, _)| *number >= first);
        let process = ProcessInfo { best_effort, boot: boot(), chain: log.identity().chain.clone() };
        let stamp = Stamp { line: log.last_line(), wall: now().as_millisecond() };
        let mut writer = Writer::begin(&names, key, process, (past.next, stamp), kept, &state).map_err(io)?;
        if floor.is_some() && !past.ahead.is_empty() {
            writer.write(&past.ahead, stamp).and_then(|()| writer.file().sync_data()).map_err(io)?;
        }
        remove(&names, &dropped);
        if floor.is_some_and(|floor| floor >= reading.now.as_second()) {
            // Wait for the next second: a call that is signed once this gateway listens is then dated after the floor.
            while now().as_second() <= reading.now.as_second() && now() >= reading.now {
                thread::sleep(Duration::from_millis(20));
            }
        }
        let memory = Mutex::new(Memory { table, pending: Vec::new(), spare: Vec::new() });
        let writer = Mutex::new(writer);
        let shared = Shared { key, names, now, steady, memory, writer, syncs: Syncs::default(), _head: head };
        let shared = Arc::new(shared);
        let worker = Arc::clone(&shared);
        let worker = thread::Builder::new().name("nonces".to_owned()).spawn(move || worker.work()).map_err(io)?;
        Ok(Self { shared, worker: Mutex::new(Some(worker)) })
    }

    /// Closes the store: writes everything to disk, and marks the files as complete for the next process. Called when
    /// the audit log is closed; `line` is the log's last line.
    pub fn close(&self, line: u64) {
        self.stop();
        let shared = &self.shared;
        let ended = shared.write_pending(Some((line, Stamping::WithPending))).map_err(|error| error.0).and_then(|()| {
            let mut writer = shared.writer();
            writer.end(shared.stamp(line)).map_err(|error| error.to_string())
        });
        if let Err(error) = ended {
            tracing::error!(error, "the nonce file could not be closed cleanly");
        }
    }

    fn stop(&self) {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(worker) = worker else { return };
        self.shared.syncs.stop();
        if worker.join().is_err() {
            tracing::error!("the nonce store's thread ended early");
        }
    }
}

impl Drop for FileNonces {
    fn drop(&mut self) {
        self.stop();
    }
}

impl NonceMemory for FileNonces {
    fn remember(&self, signed: SignedNonce<'_>, now: Timestamp) -> Result<(), NonceError> {
        let used = self.shared.key.digest(signed);
        let now = Moment { wall: now.as_second(), steady: (self.shared.steady)() };
        let mut memory = self.shared.memory();
        memory.table.accept(used, now)?;
        memory.pending.push(used);
        Ok(())
    }

    fn held(&self) -> usize {
        self.shared.memory().table.held()
    }
}

impl WriteAhead for FileNonces {
    fn write(&self, last: u64, stamping: Stamping) -> Result<(), SinkError> {
        self.shared.write_pending(Some((last, stamping)))
    }

    fn start_sync(&self) -> Option<SyncTicket> {
        self.shared.syncs.start()
    }

    fn finish_sync(&self, ticket: SyncTicket) -> Result<(), SinkError> {
        self.shared.syncs.finish(ticket)
    }
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamp(&self, line: u64) -> Stamp {
        Stamp { line, wall: (self.now)().as_millisecond() }
    }

    /// Hands pending uses to the operating system, before the lines up to `ahead_of` are written. Writes a frame
    /// without nonces if only the line's number is needed. `ahead_of` is `None` if no line follows.
    fn write_pending(&self, ahead_of: Option<(u64, Stamping)>) -> Result<(), SinkError> {
        let mut writer = self.writer();
        let (line, stamping) = ahead_of.unwrap_or((writer.line(), Stamping::WithPending));
        let mut uses = {
            let mut memory = self.memory();
            if memory.pending.is_empty() && !writer.is_broken() && stamping == Stamping::WithPending {
                return Ok(());
            }
            let Memory { pending, spare, .. } = &mut *memory;
            std::mem::replace(pending, std::mem::take(spare))
        };
        let written = if writer.is_broken() { self.replace_broken(&mut writer) } else { Ok(()) };
        let written = written.and_then(|()| match (uses.is_empty(), stamping) {
            (true, Stamping::WithPending) => Ok(()),
            _ => writer.write(&uses, self.stamp(line)),
        });
        let mut memory = self.memory();
        match written {
            Ok(()) => {
                self.syncs.wrote();
                uses.clear();
                memory.spare = uses;
                Ok(())
            }
            Err(error) => {
                // Put them back before the uses that became pending meanwhile, for the next attempt.
                uses.append(&mut memory.pending);
                memory.pending = uses;
                Err(SinkError(format!("the nonce file cannot be written: {error}")))
            }
        }
    }

    fn state(&self) -> TableState {
        state(&self.memory().table, (self.now)(), (self.steady)())
    }
}

fn state(table: &NonceTable, now: Timestamp, steady: Duration) -> TableState {
    TableState {
        floor: table.floor().unwrap_or(i64::MIN),
        forgotten: table.forgotten().collect(),
        oldest: table.oldest(),
        wall: now.as_millisecond(),
        steady,
    }
}

/// The second up to which calls are refused because of a gap. Logs the gap.
fn floor(past: &History, path: &std::path::Path, now: Timestamp, span: Duration) -> Option<i64> {
    let gap = past.gap?;
    let over = past.last.is_some_and(|last| {
        let age = now.duration_since(last);
        age > jiff::SignedDuration::try_from(span).unwrap_or(jiff::SignedDuration::MAX)
    });
    if over {
        tracing::warn!("nonce files `{}`: {gap}; the calls in question are too old to be replayed", path.display());
        return past.last.map(Timestamp::as_second);
    }
    let seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
    tracing::error!(
        "nonce files `{}`: {gap}; calls signed up to {seconds} are refused, and their callers are asked to sign \
         again",
        path.display()
    );
    Some(now.as_second())
}

#[cfg(test)]
mod tests;
