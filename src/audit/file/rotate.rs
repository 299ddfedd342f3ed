//! Rotation: the file is put away under a name with its first and last line, and the chain goes on in a new one.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::SyncMode;
use super::checkpoint::Kind;
use super::found::{FileId, Found, open_locked};
use super::names::sync_folder;
use super::state::{Shared, State};

/// When a file is put away, and what becomes of those that were.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// In bytes.
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
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

impl Rotation {
    pub(super) fn is_due_by_size(&self, length: u64) -> bool {
        self.size.is_some_and(|size| length >= size)
    }

    pub(super) fn is_due_now(&self, state: &State, now: Timestamp) -> bool {
        let old = self.every.is_some_and(|every| {
            SignedDuration::try_from(every).is_ok_and(|every| now.duration_since(state.begun) >= every)
        });
        let paused = state.rotation_failed.is_some_and(|at| now.duration_since(at).abs() < PAUSE);
        let possible = state.written.length > 0 && state.id.is_some() && state.bad.is_none() && !paused;
        possible && (old || self.is_due_by_size(state.written.length))
    }
}

impl Shared {
    /// Whether a file was put away.
    pub(super) fn rotate_if_due(&self, now: Timestamp) -> bool {
        let file = {
            let state = self.lock();
            if !self.rotation.is_due_now(&state, now) {
                return false;
            }
            Arc::clone(&state.file)
        };
        // Most of it is on disk before anybody has to wait.
        let rotated = file.sync_data().and_then(|()| self.rotate());
        if let Err(error) = rotated {
            self.lock().rotation_failed = Some(now);
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
        let new = open_locked(&coming).map_err(io::Error::from)?;
        new.set_len(0)?;
        let id = FileId::of(&new.metadata()?);
        let away = self.names.rotated(state.first, state.written.chain.last());
        if away.symlink_metadata().is_ok() {
            return Err(io::Error::other(format!("`{}` is there already", away.display())));
        }
        fs::rename(self.names.current(), &away)?;
        if let Err(error) = fs::rename(&coming, self.names.current()) {
            fs::rename(&away, self.names.current())?;
            return Err(error);
        }
        if self.sync == SyncMode::Always {
            // A line in the new file is not safe before its name is.
            sync_folder(self.names.folder())?;
        }
        let old = std::mem::replace(&mut state.file, Arc::new(new));
        state.id = id;
        state.written.length = 0;
        state.first = state.written.chain.next();
        state.begun = (self.notices.now)();
        drop(state);
        old.sync_data()?;
        sync_folder(self.names.folder())
    }
}
