//! Whether the path still names the file that is written, and what is done when it does not.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::{Arc, MutexGuard};

use super::super::sink::SinkFault;
use super::access::{make_private, tighten_beside};
use super::names::sync_folder;
use super::state::{Shared, State};
use super::tail::{set_aside, whole_lines};

/// A regular file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// What stands at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Same,
    Gone,
    Replaced,
    /// By somebody else, to that length.
    Truncated(u64),
    /// By somebody else, to that length.
    Grown(u64),
}

impl FileId {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        metadata.is_file().then(|| Self { device: metadata.dev(), inode: metadata.ino() })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Option<Self> {
        None
    }
}

impl Found {
    /// Looks where a file of that length is expected.
    pub(super) fn look(path: &Path, id: Option<FileId>, length: u64) -> io::Result<Self> {
        let Some(id) = id else { return Ok(Self::Same) };
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Gone),
            Err(error) => return Err(error),
        };
        Ok(match metadata.len() {
            _ if FileId::of(&metadata) != Some(id) => Self::Replaced,
            found if found < length => Self::Truncated(found),
            found if found > length => Self::Grown(found),
            _ => Self::Same,
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "the file is as it was",
            Self::Gone => "the file was removed or renamed",
            Self::Replaced => "the file was replaced by another",
            Self::Truncated(_) => "the file was truncated by somebody else",
            Self::Grown(_) => "somebody else wrote into the file",
        })
    }
}

impl Shared {
    /// Looks whether the file is what it should be, and mends what can be mended.
    pub(super) fn inspect(&self) {
        let mut state = self.exclusive();
        if state.bad.is_none() {
            match Found::look(self.names.current(), state.id, state.written.length) {
                Ok(Found::Same) => return,
                Ok(found) => state.turn_bad(SinkFault(found.to_string()), self),
                Err(error) => state.turn_bad(SinkFault(error.to_string()), self),
            }
        }
        self.mend(state);
    }

    fn mend(&self, mut state: MutexGuard<'_, State>) {
        let mended = Found::look(self.names.current(), state.id, state.written.length).and_then(|found| match found {
            Found::Same => Ok(()),
            Found::Gone | Found::Replaced => self.begin_anew(&mut state, found),
            Found::Truncated(length) => self.take_as_it_is(&mut state, length),
            Found::Grown(length) => self.put_out(&mut state, length),
        });
        let file = Arc::clone(&state.file);
        // Whoever writes now fails at once; nobody is to wait for this disk.
        drop(state);
        let mended = mended.and_then(|()| file.sync_data());
        let mut state = self.exclusive();
        match mended {
            Ok(()) => {
                state.bad = None;
                state.chain = state.written.chain;
                tracing::info!("the audit log can be written again");
            }
            Err(error) => state.turn_bad(SinkFault(error.to_string()), self),
        }
    }

    /// The chain goes on in a file of its own at the path; whatever lies there is kept under another name.
    fn begin_anew(&self, state: &mut State, found: Found) -> io::Result<()> {
        // The old file may live on under another name: what it holds of refused calls is taken out of it.
        let _ = state.cut_back();
        self.clear_the_place()?;
        let file = make_private(self.names.current())?;
        file.try_lock().map_err(io::Error::from)?;
        sync_folder(self.names.folder())?;
        let id = FileId::of(&file.metadata()?);
        drop(state.begin_file(file, id, (self.elapsed)()));
        self.tell_of(state, found, "a new file was begun at its path, and the chain goes on in it");
        Ok(())
    }

    /// Moves whatever lies at the log's path aside, even an empty file: another process may be about to write into it,
    /// and must not write into the log.
    fn clear_the_place(&self) -> io::Result<()> {
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
        tracing::error!("what lay in the place of the audit log is now `{}`", aside.display());
        Ok(())
    }

    /// What is left ends in a whole line, and the chain goes on after the lines that are gone.
    fn take_as_it_is(&self, state: &mut State, length: u64) -> io::Result<()> {
        let complete = whole_lines(&state.file, length)?;
        if complete < length {
            set_aside(&state.file, complete, &self.names.aside("torn", (self.notices.now)()))?;
        }
        state.written.length = complete;
        state.written.shares = state.written.shares.cut(complete);
        if complete == 0 {
            state.first = state.written.chain.next();
        }
        self.tell_of(state, Found::Truncated(length), "lines are missing before this one");
        Ok(())
    }

    fn put_out(&self, state: &mut State, length: u64) -> io::Result<()> {
        let aside = self.names.aside("foreign", (self.notices.now)());
        set_aside(&state.file, state.written.length, &aside)?;
        let what = format!("what was written is now in `{}`", aside.file_name().unwrap_or_default().display());
        self.tell_of(state, Found::Grown(length), &what);
        Ok(())
    }

    fn tell_of(&self, state: &mut State, found: Found, done: &str) {
        let last = state.written.chain.last();
        tracing::error!(line = last, "the audit log was changed from outside: {found}; {done}");
        state.owed.event(format!("the log was changed from outside after line {last}: {found}; {done}"));
    }
}
