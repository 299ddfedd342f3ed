//! Repairs the log when its path no longer names the file that is being written, or when that file was changed.

use std::io;
use std::sync::{Arc, MutexGuard};

use super::super::sink::SinkError;
use super::access::{make_private, tighten_beside};
use super::found::{FileId, Found};
use super::names::sync_folder;
use super::state::{Shared, State};
use super::tail::{set_aside, whole_lines};

impl Shared {
    /// Checks that the path still names the unchanged log, and repairs the log if it does not.
    pub(super) fn inspect(&self) {
        let mut state = self.exclusive();
        if state.health.broken.is_none() {
            match Found::look(self.names.current(), state.file.id, state.file.written.length) {
                Ok(Found::Same) => return,
                Ok(found) => state.set_broken(SinkError(found.to_string()), self),
                Err(error) => state.set_broken(SinkError(error.to_string()), self),
            }
        }
        self.repair(state);
    }

    fn repair(&self, mut state: MutexGuard<'_, State>) {
        let repaired =
            Found::look(self.names.current(), state.file.id, state.file.written.length).and_then(|found| match found {
                Found::Same => Ok(()),
                Found::Gone | Found::Replaced => self.start_new_file(&mut state, found),
                Found::Truncated(length) => self.accept_truncated(&mut state, length),
                Found::Grown(length) => self.move_foreign_bytes(&mut state, length),
            });
        let file = Arc::clone(&state.file.file);
        // Until the repair is done, callers fail at once instead of waiting for this disk.
        drop(state);
        let repaired = repaired.and_then(|()| file.sync_data());
        let mut state = self.exclusive();
        match repaired {
            Ok(()) => {
                state.health.broken = None;
                state.queue.chain = state.file.written.chain;
                tracing::info!("the audit log can be written again");
            }
            Err(error) => state.set_broken(SinkError(error.to_string()), self),
        }
    }

    /// Continues the chain in a new file at the path. Any other file at the path is kept under another name.
    fn start_new_file(&self, state: &mut State, found: Found) -> io::Result<()> {
        // The old file may still exist under another name: an incomplete write is removed from it.
        let _ = state.file.cut_back();
        self.move_aside()?;
        let file = make_private(self.names.current())?;
        file.try_lock().map_err(io::Error::from)?;
        sync_folder(self.names.folder())?;
        let id = FileId::of(&file.metadata()?);
        drop(state.begin_file(file, id, (self.elapsed)()));
        self.report(state, found, "a new file was begun at its path, and the chain continues in it");
        Ok(())
    }

    /// Moves any file at the log's path aside, even an empty one: another process may be about to write into it, and
    /// must not write into the log.
    fn move_aside(&self) -> io::Result<()> {
        let aside = self.names.aside("replaced", (self.notices.now)());
        match std::fs::rename(self.names.current(), &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            moved => moved?,
        }
        let metadata = aside.symlink_metadata()?;
        if metadata.is_file() {
            tighten_beside(&aside, self.access);
        }
        if metadata.is_file() && metadata.len() == 0 {
            return std::fs::remove_file(&aside);
        }
        tracing::error!("the file that was in place of the audit log is now `{}`", aside.display());
        Ok(())
    }

    /// Keeps the complete lines that are left. The chain continues after the lines that are gone.
    fn accept_truncated(&self, state: &mut State, length: u64) -> io::Result<()> {
        let complete = whole_lines(&state.file.file, length)?;
        if complete < length {
            set_aside(&state.file.file, complete, &self.names.aside("torn", (self.notices.now)()))?;
        }
        state.file.written.length = complete;
        state.file.written.shares = state.file.written.shares.cut(complete);
        if complete == 0 {
            state.file.first = state.file.written.chain.next();
        }
        self.report(state, Found::Truncated(length), "lines are missing before this one");
        Ok(())
    }

    /// Moves the bytes that another process appended into a separate file.
    fn move_foreign_bytes(&self, state: &mut State, length: u64) -> io::Result<()> {
        let aside = self.names.aside("foreign", (self.notices.now)());
        set_aside(&state.file.file, state.file.written.length, &aside)?;
        let what = format!("the added bytes are now in `{}`", aside.file_name().unwrap_or_default().display());
        self.report(state, Found::Grown(length), &what);
        Ok(())
    }

    fn report(&self, state: &mut State, found: Found, done: &str) {
        let last = state.file.written.chain.last();
        tracing::error!(line = last, "the audit log was changed from outside: {found}; {done}");
        state.health.notices.event(format!("the log was changed from outside after line {last}: {found}; {done}"));
    }
}
