//! Rotation: the file is put away under a name with its first and last line, and the chain goes on in a new one.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::SyncMode;
use super::access::open_locked;
use super::checkpoint::Kind;
use super::clock::signed;
use super::found::{FileId, Found};
use super::names::sync_folder;
use super::room::Shares;
use super::state::{Shared, State};

/// When a file is put away, and what becomes of those that were.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// Bytes of permits and outcomes in a file; refusals get as much again, and are counted past that.
    pub size: Option<u64>,
    pub every: Option<Duration>,
    /// How long files are kept; without it, and without `keep_files`, for good.
    pub keep: Option<Duration>,
    pub keep_files: Option<usize>,
    pub packing: Packing,
}

/// The form in which files are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    #[default]
    Plain,
    Gzip,
}

/// After a rotation that failed.
const PAUSE: Duration = Duration::from_secs(10);

impl Rotation {
    pub(super) fn is_due_by_size(&self, shares: Shares) -> bool {
        self.size.is_some_and(|size| shares.permits >= size)
    }

    pub(super) fn is_due_now(&self, state: &State, elapsed: Duration) -> bool {
        let old = self.every.is_some_and(|every| signed(elapsed) - state.begun >= signed(every));
        let paused = state.rotation_failed.is_some_and(|at| elapsed.saturating_sub(at) < PAUSE);
        let possible = state.written.length > 0 && state.id.is_some() && state.bad.is_none() && !paused;
        possible && (old || self.is_due_by_size(state.written.shares))
    }
}

impl Shared {
    /// Whether a file was put away.
    pub(super) fn rotate_if_due(&self, elapsed: Duration) -> bool {
        let file = {
            let state = self.lock();
            if !self.rotation.is_due_now(&state, elapsed) {
                return false;
            }
            Arc::clone(&state.file)
        };
        // Most of it is on disk before anybody has to wait.
        let rotated = file.sync_data().and_then(|()| self.rotate());
        if let Err(error) = rotated {
            self.lock().rotation_failed = Some(elapsed);
            tracing::error!(%error, "the audit log could not be rotated: it grows on, and it is tried again");
            return false;
        }
        self.checkpoint(Kind::Rotation);
        true
    }

    /// Nobody writes meanwhile, so no line is split. A crash in the middle leaves no current file: the next start finds
    /// where the chain stands in the one that was put away.
    fn rotate(&self) -> io::Result<()> {
        let mut state = self.exclusive();
        let found = Found::look(self.names.current(), state.id, state.written.length)?;
        if found != Found::Same {
            return Err(io::Error::other(found.to_string()));
        }
        let coming = self.names.coming();
        // A rotation that a crash interrupted may have left one, and whatever else is called so is not followed.
        match fs::remove_file(&coming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let new = open_locked(&coming, self.access).map_err(io::Error::from)?;
        let id = FileId::of(&new.metadata()?);
        let away = self.names.rotated(state.first, state.written.chain.last());
        if away.symlink_metadata().is_ok() {
            return Err(io::Error::other(format!("`{}` is there already", away.display())));
        }
        // A start looks for lines in the current file alone.
        self.stamp(&mut state);
        fs::rename(self.names.current(), &away)?;
        if let Err(error) = fs::rename(&coming, self.names.current()) {
            fs::rename(&away, self.names.current())?;
            return Err(error);
        }
        if self.sync == SyncMode::Always {
            // A line in the new file is not safe before its name is.
            sync_folder(self.names.folder())?;
        }
        let old = state.begin_file(new, id, (self.elapsed)());
        drop(state);
        old.sync_data()?;
        sync_folder(self.names.folder())
    }
}
