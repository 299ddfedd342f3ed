//! The file sink: one hash chain over any number of files, and one sync for all callers who wait for it.
//!
//! `state` is what callers and the maintenance worker share: `queue` (pending lines), `open_file` and `health`. `write`
//! is what callers do: one of them writes the pending lines of all. `worker` is the thread for everything that no
//! call waits for; it uses `repair`, `rotate` and `checkpoint`, and wakes the packer (`pack`). `start` opens a log and
//! compares it with its last checkpoint (`attested`, and `linked` for links that lead to the log). `names`, `tail` and
//! `lines` read the files, `access` checks who may use them, and `found` detects changes by other processes. `room`
//! decides which refusals are written, and `clock` whether the wall clock can be trusted.

mod access;
mod attested;
mod checkpoint;
mod clock;
mod found;
mod health;
mod history;
mod lines;
mod linked;
mod names;
mod open_file;
mod pack;
mod pending_notices;
mod queue;
mod repair;
mod room;
mod rotate;
mod settings;
mod spool;
mod start;
mod state;
mod status;
mod tail;
mod worker;
mod write;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use super::draft::JournalIdentity;
use super::notice::Notices;
use super::sink::{Appended, LineClass, LogStatus, Sink, SinkError, WriteAhead};

use checkpoint::{Checkpoints, Kind};
use history::End;
use open_file::OpenFile;
use start::Start;
use state::{Shared, State};
use worker::Worker;

pub use access::{FileAccess, check_owner, chown, open_existing, private_file};
pub use attested::Loss;
pub use clock::Clocks;
pub use history::{AllowedAfter, LogPast};
pub use names::sync_folder;
pub use settings::{CheckpointSettings, FileSettings, Packing, Rotation, SyncMode};
pub use spool::{Batch, Spool};

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the audit log `{path}` cannot be opened: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("the audit log `{path}` is being written by another process: stop it, or give this one a log of its own")]
    InUse { path: PathBuf },
    #[error("the audit log `{path}` does not end in a line of an audit log: move the file away and keep it")]
    Unreadable { path: PathBuf },
    /// The log does not match its last checkpoint.
    #[error("the audit log `{path}` {loss} (`{checkpoints}`)")]
    Lost { path: PathBuf, checkpoints: PathBuf, loss: Loss },
}

#[derive(Debug)]
pub struct FileSink {
    shared: Arc<Shared>,
    past: LogPast,
    end: End,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl FileSink {
    /// Opens a log and continues after its last line, or begins a new log. A line that a crash left torn is set aside.
    ///
    /// # Errors
    /// The file cannot be opened for appending, another process is writing it, another user can write it, its end is
    /// not a line of a log, or it does not match its last checkpoint.
    pub fn open(mut settings: FileSettings) -> Result<Self, OpenError> {
        let path = settings.path.clone();
        let start = Start::read(&settings)?;
        let moment = start::moment(&settings);
        let Start { file, id, names, written, first, begun, opened, chain_id, attested, events, past } = start;
        let checkpoints = settings.checkpoints.take().map(|checkpoints| {
            let access = settings.access;
            Checkpoints::open(checkpoints, &names, access, &chain_id, attested.as_ref(), moment)
                .map_err(|error| OpenError::Io { path: names.checkpoints(), error })
        });
        let checkpoints = checkpoints.transpose()?;
        let last = written.chain.last();
        let end = match past {
            LogPast::Device | LogPast::Empty => Ok(End::unread(last)),
            LogPast::Lines(_) => End::read(names.current(), last),
        };
        let end = end.map_err(|error| OpenError::Io { path: path.clone(), error })?;
        let mut state = State::new(OpenFile::new(file, id, written, first, begun));
        events.into_iter().for_each(|event| state.health.notices.event(event));
        let shared = Shared {
            names,
            sync: settings.sync,
            requirement: settings.requirement,
            group_delay: settings.group_delay,
            rotation: settings.rotation,
            secondary: settings.secondary,
            ahead: OnceLock::new(),
            notices: Notices {
                identity: JournalIdentity { chain: chain_id, replica: settings.replica, tags: None },
                now: settings.clocks.now,
            },
            elapsed: settings.clocks.elapsed,
            opened,
            min_free: settings.min_free,
            free_space: settings.free_space,
            access: settings.access,
            checkpoints: Mutex::new(checkpoints),
            state: Mutex::new(state),
            turned: Condvar::new(),
            wake: Condvar::new(),
        };
        shared.look_at_room();
        Self::start(Arc::new(shared), past, end).map_err(|error| OpenError::Io { path, error })
    }

    fn start(shared: Arc<Shared>, past: LogPast, end: End) -> io::Result<Self> {
        shared.write_notices();
        shared.checkpoint(Kind::Start);
        let error = {
            let checkpoints = shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoints.as_ref().and_then(|checkpoints| checkpoints.error.clone())
        };
        if let Some(error) = error {
            return Err(io::Error::other(error));
        }
        let rotation = &shared.rotation;
        let packs = rotation.packing != Packing::Plain || rotation.keep.is_some() || rotation.keep_files.is_some();
        let packer = if packs {
            let (packer, wake) = channel();
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("audit-packer".to_owned()).spawn(move || pack::run(&shared, &wake))?;
            Some(packer)
        } else {
            None
        };
        let worker = Worker::new(Arc::clone(&shared), packer);
        let worker = thread::Builder::new().name("audit-worker".to_owned()).spawn(move || worker.run())?;
        Ok(Self { shared, past, end, worker: Mutex::new(Some(worker)) })
    }

    /// The chain and the replica that every line of the log names.
    pub fn identity(&self) -> &JournalIdentity {
        &self.shared.notices.identity
    }

    /// Closes the log: syncs every line and writes a last checkpoint. No checkpoint covers later lines.
    pub fn close(&self) {
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(worker) = worker else { return };
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
        if worker.join().is_err() {
            tracing::error!("the audit log was not closed properly: its maintenance worker failed");
        }
        self.shared.secondary.iter().for_each(|sink| sink.close());
    }
}

impl FileSink {
    /// Sets the store that is written ahead of every batch from now on. Only the first call has an effect.
    pub fn write_ahead(&self, ahead: Arc<dyn WriteAhead>) {
        let mut state = self.shared.exclusive();
        self.shared.ahead.get_or_init(|| ahead);
        self.shared.stamp(&mut state);
    }

    /// The log as it was when it was opened.
    pub fn past(&self) -> &LogPast {
        &self.past
    }

    /// The number of the last line in the log.
    pub fn last_line(&self) -> u64 {
        self.shared.lock().file.written.chain.last()
    }

    /// Whether the log, as it was when it was opened, permits a signed call in a line after `line`.
    pub fn allowed_after(&self, line: u64) -> AllowedAfter {
        self.end.allowed_after(line)
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        self.close();
    }
}

impl Sink for FileSink {
    fn append(&self, class: LineClass, event: &str) -> Result<Appended, SinkError> {
        self.shared.write(class, event, self.shared.sync)
    }

    fn append_soon(&self, class: LineClass, event: &str) -> Result<Appended, SinkError> {
        let sync = if self.shared.sync == SyncMode::Always { SyncMode::None } else { self.shared.sync };
        self.shared.write(class, event, sync)
    }

    fn takes_refusals(&self) -> bool {
        self.shared.lock().health.room.shortage.is_none()
    }

    fn blocks(&self) -> bool {
        self.shared.sync == SyncMode::Always || self.shared.waits_for_secondary() || self.shared.is_slow()
    }

    fn status(&self) -> LogStatus {
        self.shared.status()
    }
}

#[cfg(test)]
mod tests;
