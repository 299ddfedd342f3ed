//! The file sink: one chain over any number of files, and a disk that is waited for once by all who wait.
//!
//! `state` is what calls do: they put their lines together and one of them writes. `keeper` is the one thread for all
//! that no call waits for. The rest is what they need: `names` and `tail` know the files, `found` what others do to
//! them, `rotate` and `pack` put them away, `checkpoint` signs how far they reach.

mod checkpoint;
mod found;
mod hand_over;
mod history;
mod keeper;
mod names;
mod owed;
mod pack;
mod rotate;
mod slow;
mod spool;
mod state;
mod status;
mod tail;

use std::fs::TryLockError;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;

use super::chain::Chain;
use super::event::JournalIdentity;
use super::follower::Follower;
use super::notice::Notices;
use super::sink::{Appended, LineClass, LogStatus, Requirement, Sink, SinkFault};

use checkpoint::{CheckpointFault, Checkpoints, Kind};
use found::{FileId, open_locked};
use keeper::Keeper;
use names::{Names, sync_folder};
use state::{Shared, State, Written};
use tail::{Standing, read_first, read_tail, set_aside};

pub use checkpoint::CheckpointSettings;
pub use history::{AllowedAfter, LogPast};
pub use rotate::{Packing, Rotation};
pub use spool::{Parcel, Spool};

/// When a line counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// On disk. Those who write at the same time share one wait.
    Always,
    /// Handed to the operating system, and on its way to the disk.
    Group,
    /// Handed to the operating system.
    None,
}

/// A log to open.
#[derive(Debug)]
pub struct FileSettings {
    pub path: PathBuf,
    pub sync: SyncMode,
    /// With [`SyncMode::Group`]: how long after a line was handed over its way to the disk begins, at most.
    pub group_delay: Duration,
    pub requirement: Requirement,
    pub rotation: Rotation,
    pub checkpoints: Option<CheckpointSettings>,
    /// Who gets the lines besides.
    pub followers: Vec<Arc<dyn Follower>>,
    /// What the chain is called, if one is begun.
    pub new_chain: String,
    pub replica: String,
    pub now: fn() -> Timestamp,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error("the audit log `{path}` cannot be opened: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("the audit log `{path}` is being written by another process: stop it, or give this one a log of its own")]
    InUse { path: PathBuf },
    #[error("the audit log `{path}` ends in something that is no line of an audit log: move the file away and keep it")]
    Unreadable { path: PathBuf },
    #[error("`{path}` ends in something that is no checkpoint: move the file away and keep it")]
    UnreadableCheckpoint { path: PathBuf },
    #[error(
        "the audit log `{path}` does not reach line {covered}, or not as it was signed, which a checkpoint covers: lines \
         were taken out; move the log and its checkpoints away and keep them"
    )]
    Cut { path: PathBuf, covered: u64 },
}

#[derive(Debug)]
pub struct FileSink {
    shared: Arc<Shared>,
    past: LogPast,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl FileSettings {
    /// A log whose every line is on disk before its call goes on, in one file for good.
    pub fn new(path: impl Into<PathBuf>, now: fn() -> Timestamp) -> Self {
        Self {
            path: path.into(),
            sync: SyncMode::Always,
            group_delay: Duration::from_millis(5),
            requirement: Requirement::Required,
            rotation: Rotation::default(),
            checkpoints: None,
            followers: Vec::new(),
            new_chain: crate::envelope::unique_id(),
            replica: String::new(),
            now,
        }
    }
}

impl FileSink {
    /// Opens a log and goes on where its chain stands, or begins one. A line that a crash left torn is set aside.
    ///
    /// # Errors
    /// A file that cannot be opened for appending, that another process writes, whose end is not a line of ours, or that
    /// is not what its last checkpoint says.
    pub fn open(settings: FileSettings) -> Result<Self, OpenFault> {
        let path = settings.path.clone();
        let io = |error| OpenFault::Io { path: path.clone(), error };
        let file = open_locked(&path).map_err(|error| match error {
            TryLockError::WouldBlock => OpenFault::InUse { path: path.clone() },
            TryLockError::Error(error) => io(error),
        })?;
        // Where the path is a link, the other files lie beside what it names.
        let names = Names::new(&path.canonicalize().map_err(io)?);
        let metadata = file.metadata().map_err(io)?;
        let (id, length, now) = (FileId::of(&metadata), metadata.len(), (settings.now)());
        let tail = read_tail(&file, length).map_err(io)?;
        let tail = tail.ok_or_else(|| OpenFault::Unreadable { path: path.clone() })?;
        let torn = if tail.complete < length {
            let aside = names.aside("torn", now);
            set_aside(&file, tail.complete, &aside).map_err(io)?;
            Some((length - tail.complete, aside))
        } else {
            None
        };
        let stands = match tail.stands {
            None if id.is_some() => put_away(&names)?,
            stands => stands,
        };
        if id.is_some() {
            sync_folder(names.folder()).map_err(io)?;
        }
        let past = match &stands {
            _ if id.is_none() => LogPast::Device,
            None => LogPast::Empty,
            Some(stands) => LogPast::Lines(stands.time),
        };
        let chain = stands.as_ref().map_or_else(Chain::new, |stands| stands.chain);
        let first = if tail.complete > 0 { read_first(&file).map_err(io)? } else { None };
        let (first, begun) = first.map_or((chain.next(), now), |(first, begun)| (first, begun.unwrap_or(now)));
        let chain_id = stands.and_then(|stands| stands.name).unwrap_or(settings.new_chain);
        let checkpoints = settings.checkpoints.map(|checkpoints| {
            let beside = names.checkpoints();
            Checkpoints::open(checkpoints, &names, &chain_id, chain, now).map_err(|fault| match fault {
                CheckpointFault::Io(error) => OpenFault::Io { path: beside, error },
                CheckpointFault::Unreadable => OpenFault::UnreadableCheckpoint { path: beside },
                CheckpointFault::Cut { covered } => OpenFault::Cut { path: path.clone(), covered },
            })
        });
        let mut state = State::new(file, id, Written { chain, length: tail.complete }, first, begun);
        if let Some((bytes, aside)) = torn {
            tracing::error!(bytes, "the last line of the audit log was torn: it is now in `{}`", aside.display());
            let name = aside.file_name().unwrap_or_default().display();
            state.owed.event(format!("the last line was torn by a crash: its {bytes} bytes are now in `{name}`"));
        }
        let shared = Shared {
            names,
            sync: settings.sync,
            requirement: settings.requirement,
            group_delay: settings.group_delay,
            rotation: settings.rotation,
            followers: settings.followers,
            ahead: OnceLock::new(),
            notices: Notices {
                identity: JournalIdentity { chain: chain_id, replica: settings.replica, tags: None },
                now: settings.now,
            },
            checkpoints: Mutex::new(checkpoints.transpose()?),
            state: Mutex::new(state),
            turned: Condvar::new(),
            wake: Condvar::new(),
        };
        Self::start(Arc::new(shared), past).map_err(io)
    }

    fn start(shared: Arc<Shared>, past: LogPast) -> io::Result<Self> {
        shared.tell();
        shared.checkpoint(Kind::Start);
        let fault = {
            let checkpoints = shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoints.as_ref().and_then(|checkpoints| checkpoints.fault.clone())
        };
        if let Some(fault) = fault {
            return Err(io::Error::other(fault));
        }
        let rotation = &shared.rotation;
        let packs = rotation.packing != Packing::Plain || rotation.keep.is_some() || rotation.keep_files.is_some();
        let packer = if packs {
            let (packer, told) = channel();
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("audit-packer".to_owned()).spawn(move || pack::run(&shared, &told))?;
            Some(packer)
        } else {
            None
        };
        let keeper = Keeper::new(Arc::clone(&shared), packer);
        let keeper = thread::Builder::new().name("audit-keeper".to_owned()).spawn(move || keeper.run())?;
        Ok(Self { shared, past, keeper: Mutex::new(Some(keeper)) })
    }

    /// Who writes the log, as every line of it says.
    pub fn identity(&self) -> &JournalIdentity {
        &self.shared.notices.identity
    }

    /// Ends the log: all is on disk then, and under a last checkpoint. What is written later is in no checkpoint.
    pub fn close(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(keeper) = keeper else { return };
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
        if keeper.join().is_err() {
            tracing::error!("the audit log was not ended in order");
        }
        self.shared.followers.iter().for_each(|follower| follower.close());
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        self.close();
    }
}

impl Sink for FileSink {
    fn append(&self, _: LineClass, event: &str) -> Result<Appended, SinkFault> {
        self.shared.write(event, self.shared.sync).map(|()| Appended::Written)
    }

    fn append_soon(&self, _: LineClass, event: &str) -> Result<Appended, SinkFault> {
        let sync = if self.shared.sync == SyncMode::Always { SyncMode::None } else { self.shared.sync };
        self.shared.write(event, sync).map(|()| Appended::Written)
    }

    fn blocks(&self) -> bool {
        self.shared.sync == SyncMode::Always || self.shared.waits_for_others() || self.shared.is_slow()
    }

    fn status(&self) -> LogStatus {
        self.shared.status()
    }
}

/// Where the chain stands in the newest file that was put away.
fn put_away(names: &Names) -> Result<Option<Standing>, OpenFault> {
    let io = |error| OpenFault::Io { path: names.current().to_owned(), error };
    match pack::newest(names).map_err(io)? {
        None => Ok(None),
        Some((_, Some(stands))) => Ok(Some(stands)),
        Some((file, None)) => Err(OpenFault::Unreadable { path: file.path }),
    }
}

#[cfg(test)]
mod tests;
