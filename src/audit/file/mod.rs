//! The file sink: one chain over any number of files, and a disk that is waited for once by all who wait.
//!
//! `state` is what calls do: they put their lines together and one of them writes. `keeper` is the one thread for all
//! that no call waits for. The rest is what they need: `names` and `tail` know the files, `access` who else could touch
//! them, `found` what others do to them, `rotate` and `pack` put them away, `checkpoint` signs how far they reach, and
//! `start` compares them with what was signed, `linked` where links lead to them. `room` decides
//! which refusals are written, `unstamped` which batches are on record in the write-ahead store, `clock` what the time
//! is.

mod access;
mod attested;
mod checkpoint;
mod clock;
mod found;
mod hand_over;
mod history;
mod keeper;
mod lines;
mod linked;
mod names;
mod owed;
mod pack;
mod room;
mod rotate;
mod slow;
mod spool;
mod start;
mod state;
mod status;
mod tail;
mod unstamped;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::event::JournalIdentity;
use super::follower::Follower;
use super::notice::Notices;
use super::sink::{Appended, LineClass, LogStatus, Requirement, Sink, SinkFault};

use checkpoint::{Checkpoints, Kind};
use history::End;
use keeper::Keeper;
use start::Start;
use state::{Shared, State};

pub use access::{FileAccess, check_owner, chown, open_existing, private_file};
pub use attested::Loss;
pub use checkpoint::CheckpointSettings;
pub use clock::Clocks;
pub use history::{AllowedAfter, LogPast};
pub use names::sync_folder;
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
    /// Free bytes of the file system reserved for permits; below that, refusals are only counted. 0 reserves nothing.
    pub min_free: u64,
    /// How many bytes are free where a folder lies, if that is known.
    pub free_space: fn(&Path) -> Option<u64>,
    pub access: FileAccess,
    /// Why a log that is not the one that its checkpoints attest to is given up; without it, it is not opened.
    pub accept_lost: Option<String>,
    pub checkpoints: Option<CheckpointSettings>,
    /// Who gets the lines besides.
    pub followers: Vec<Arc<dyn Follower>>,
    /// What the chain is called, if one is begun.
    pub new_chain: String,
    pub replica: String,
    pub clocks: Clocks,
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
    /// The log is not the one that its last checkpoint attests to.
    #[error("the audit log `{path}` {loss} (`{checkpoints}`)")]
    Lost { path: PathBuf, checkpoints: PathBuf, loss: Loss },
}

#[derive(Debug)]
pub struct FileSink {
    shared: Arc<Shared>,
    past: LogPast,
    end: End,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl FileSettings {
    /// A log whose every line is on disk before its call goes on, in one file for good.
    pub fn new(path: impl Into<PathBuf>, clocks: Clocks) -> Self {
        Self {
            path: path.into(),
            sync: SyncMode::Always,
            group_delay: Duration::from_millis(5),
            requirement: Requirement::Required,
            rotation: Rotation::default(),
            min_free: 0,
            free_space: |_| None,
            access: FileAccess::Private,
            accept_lost: None,
            checkpoints: None,
            followers: Vec::new(),
            new_chain: crate::envelope::unique_id(),
            replica: String::new(),
            clocks,
        }
    }
}

impl FileSink {
    /// Opens a log and goes on where its chain stands, or begins one. A line that a crash left torn is set aside.
    ///
    /// # Errors
    /// A file that cannot be opened for appending, that another process writes or another user can, whose end is not a line
    /// of ours, or that is not what its last checkpoint says.
    pub fn open(mut settings: FileSettings) -> Result<Self, OpenFault> {
        let path = settings.path.clone();
        let start = Start::read(&settings)?;
        let moment = start::moment(&settings);
        let Start { file, id, names, written, first, begun, opened, chain_id, attested, events, past } = start;
        let checkpoints = settings.checkpoints.take().map(|checkpoints| {
            let access = settings.access;
            Checkpoints::open(checkpoints, &names, access, &chain_id, attested.as_ref(), moment)
                .map_err(|error| OpenFault::Io { path: names.checkpoints(), error })
        });
        let checkpoints = checkpoints.transpose()?;
        let last = written.chain.last();
        let end = match past {
            LogPast::Device | LogPast::Empty => Ok(End::unread(last)),
            LogPast::Lines(_) => End::read(names.current(), last),
        };
        let end = end.map_err(|error| OpenFault::Io { path: path.clone(), error })?;
        let mut state = State::new(file, id, written, first, begun);
        events.into_iter().for_each(|event| state.owed.event(event));
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
        Self::start(Arc::new(shared), past, end).map_err(|error| OpenFault::Io { path, error })
    }

    fn start(shared: Arc<Shared>, past: LogPast, end: End) -> io::Result<Self> {
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
        Ok(Self { shared, past, end, keeper: Mutex::new(Some(keeper)) })
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
    fn append(&self, class: LineClass, event: &str) -> Result<Appended, SinkFault> {
        self.shared.write(class, event, self.shared.sync)
    }

    fn append_soon(&self, class: LineClass, event: &str) -> Result<Appended, SinkFault> {
        let sync = if self.shared.sync == SyncMode::Always { SyncMode::None } else { self.shared.sync };
        self.shared.write(class, event, sync)
    }

    fn takes_refusals(&self) -> bool {
        self.shared.lock().room.shortage.is_none()
    }

    fn blocks(&self) -> bool {
        self.shared.sync == SyncMode::Always || self.shared.waits_for_others() || self.shared.is_slow()
    }

    fn status(&self) -> LogStatus {
        self.shared.status()
    }
}

#[cfg(test)]
mod tests;
