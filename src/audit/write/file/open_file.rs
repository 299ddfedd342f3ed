//! The file that is being written: its lines, and whether they are on disk.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::super::chain::Chain;
use super::clock::signed;
use super::found::FileId;
use super::room::Shares;
use super::settings::Rotation;

/// How long after a failed rotation the next one is attempted.
const PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: Arc<File>,
    /// `None` for a file that is not regular: it cannot be compared, truncated or renamed.
    pub(super) id: Option<FileId>,
    /// The number of the file's first line, or of the next line if the file is empty.
    pub(super) first: u64,
    /// When the first line was written, by the monotonic clock.
    pub(super) begun: SignedDuration,
    /// The complete lines in the file. A failed write is undone by truncating the file to them.
    pub(super) written: Written,
    /// Bytes of lines that are not evidence of permits, pending lines included.
    pub(super) others: u64,
    /// Whether lines were written that are not on disk yet and that the maintenance worker will sync.
    pub(super) unsynced: bool,
    /// Since when the maintenance worker has been waiting for a sync of lines that `group` wrote.
    pub(super) syncing: Option<Duration>,
    pub(super) rotation_failed: Option<Duration>,
}

/// How far a log is written: its chain, and the current file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) chain: Chain,
    pub(super) length: u64,
    pub(super) shares: Shares,
}

impl OpenFile {
    pub(super) fn new(file: File, id: Option<FileId>, written: Written, first: u64, begun: SignedDuration) -> Self {
        Self {
            file: Arc::new(file),
            id,
            first,
            begun,
            written,
            others: written.shares.others,
            unsynced: false,
            syncing: None,
            rotation_failed: None,
        }
    }

    /// Replaces the file: lines from now on go into the new one. `others` is what pending lines will add to it.
    pub(super) fn replace(&mut self, file: File, id: Option<FileId>, elapsed: Duration, others: u64) -> Arc<File> {
        (self.id, self.begun, self.first) = (id, signed(elapsed), self.written.chain.next());
        (self.written.length, self.written.shares) = (0, Shares::default());
        self.others = others;
        std::mem::replace(&mut self.file, Arc::new(file))
    }

    /// Whether the file is due for rotation, and can be rotated.
    pub(super) fn is_due(&self, rotation: &Rotation, elapsed: Duration) -> bool {
        let old = rotation.every.is_some_and(|every| signed(elapsed) - self.begun >= signed(every));
        let paused = self.rotation_failed.is_some_and(|at| elapsed.saturating_sub(at) < PAUSE);
        let possible = self.written.length > 0 && self.id.is_some() && !paused;
        possible && (old || rotation.is_due_by_size(self.written.shares))
    }

    /// Truncates the file after its last complete line. A file is never extended.
    pub(super) fn cut_back(&self) -> io::Result<()> {
        if self.id.is_some() && self.file.metadata()?.len() > self.written.length {
            self.file.set_len(self.written.length)?;
        }
        Ok(())
    }
}
