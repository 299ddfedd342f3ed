//! The settings of a log file: how safe a line must be, when files are rotated, and how checkpoints are signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::checkpoint_key::{CheckpointKey, CheckpointPublicKey};
use super::super::sink::{Requirement, SecondarySink};
use super::access::FileAccess;
use super::clock::Clocks;
use super::room::Shares;

/// When a line counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// Once it is on disk. Callers who write at the same time share one sync.
    Always,
    /// Once the operating system has it; it is synced soon after.
    Group,
    /// Once the operating system has it.
    None,
}

/// A log to open.
#[derive(Debug)]
pub struct FileSettings {
    pub path: PathBuf,
    pub sync: SyncMode,
    /// With [`SyncMode::Group`]: the longest time from a line's write to the start of its sync.
    pub group_delay: Duration,
    pub requirement: Requirement,
    pub rotation: Rotation,
    /// Free bytes of the file system that are reserved for permits. If fewer are free, refusals are only counted. 0
    /// reserves none.
    pub min_free: u64,
    /// How many bytes are free on the file system of a folder, if that is known.
    pub free_space: fn(&Path) -> Option<u64>,
    pub access: FileAccess,
    /// The operator's reason to give up a log that does not match its checkpoints. Without one, such a log is not
    /// opened.
    pub accept_lost: Option<String>,
    pub checkpoints: Option<CheckpointSettings>,
    /// Where lines go after the file has them.
    pub secondary: Vec<Arc<dyn SecondarySink>>,
    /// The name of the chain, if a new one begins.
    pub new_chain: String,
    pub replica: String,
    pub clocks: Clocks,
}

/// The settings of checkpoints.
#[derive(Debug)]
pub struct CheckpointSettings {
    pub key: CheckpointKey,
    /// Keys that signed earlier checkpoints.
    pub previous: Vec<CheckpointPublicKey>,
    pub every: Duration,
    /// The digest of the policies in force.
    pub policy_revision: String,
}

/// When a file is rotated, and how long rotated files are kept.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// Bytes of permits and outcomes in a file; refusals may take as many again, and are only counted beyond that.
    pub size: Option<u64>,
    pub every: Option<Duration>,
    /// The age at which a rotated file is removed. Without it, and without `keep_files`, none is removed.
    pub keep: Option<Duration>,
    pub keep_files: Option<usize>,
    pub packing: Packing,
}

/// The form in which rotated files are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    #[default]
    Plain,
    Gzip,
}

impl FileSettings {
    /// A log in one file that is never rotated, in which every line is on disk before its call proceeds.
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
            secondary: Vec::new(),
            new_chain: crate::envelope::unique_id(),
            replica: String::new(),
            clocks,
        }
    }
}

impl Rotation {
    pub(super) fn is_due_by_size(&self, shares: Shares) -> bool {
        self.size.is_some_and(|size| shares.permits >= size)
    }
}
