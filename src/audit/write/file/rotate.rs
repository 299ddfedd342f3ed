//! Rotation: the file gets a name with the numbers of its first and last line, and the chain continues in a new file.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::access::open_locked;
use super::checkpoint::Kind;
use super::found::{FileId, Found};
use super::names::sync_folder;
use super::settings::SyncMode;
use super::state::{Shared, State};

impl Shared {
    /// Rotates the file if that is due. Returns whether it did.
    pub(super) fn rotate_if_due(&self, elapsed: Duration) -> bool {
        let file = {
            let state = self.lock();
            if !state.is_due_for_rotation(self) {
                return false;
            }
            Arc::clone(&state.file.file)
        };
        // Most of the file should be on disk before callers have to wait.
        let rotated = file.sync_data().and_then(|()| self.rotate());
        if let Err(error) = rotated {
            self.lock().file.rotation_failed = Some(elapsed);
            tracing::error!(%error, "the audit log could not be rotated: it grows until the next attempt succeeds");
            return false;
        }
        self.checkpoint(Kind::Rotation);
        true
    }

    /// Rotates the file while no caller writes, so no line is split. A crash in the middle leaves no current file; the
    /// next start finds the end of the chain in the rotated file.
    fn rotate(&self) -> io::Result<()> {
        let mut state = self.exclusive();
        let found = Found::look(self.names.current(), state.file.id, state.file.written.length)?;
        if found != Found::Same {
            return Err(io::Error::other(found.to_string()));
        }
        let coming = self.names.coming();
        // A rotation that a crash interrupted may have left such a file; a link with this name must not be followed.
        match fs::remove_file(&coming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let new = open_locked(&coming, self.access).map_err(io::Error::from)?;
        let id = FileId::of(&new.metadata()?);
        let away = self.names.rotated(state.file.first, state.file.written.chain.last());
        if away.symlink_metadata().is_ok() {
            return Err(io::Error::other(format!("`{}` already exists", away.display())));
        }
        // A start searches only the current file for unrecorded calls, and that file is about to be empty.
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

impl State {
    /// Whether the file is due for rotation, and can be rotated.
    pub(super) fn is_due_for_rotation(&self, shared: &Shared) -> bool {
        self.health.broken.is_none() && self.file.is_due(&shared.rotation, (shared.elapsed)())
    }
}
