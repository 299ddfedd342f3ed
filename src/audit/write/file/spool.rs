//! A bounded spool on disk: lines that wait for the log exporter, and survive a restart.
//!
//! Each file is one batch, and is removed once the collector has accepted it. A batch whose acknowledgement was lost is
//! sent again; the collector recognises the lines by their chain and numbers.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::sink::{Requirement, SecondarySink, SecondaryStatus, SinkError};
use super::access::{FileAccess, make_private, make_private_folder, open_existing, tighten};
use super::names::sync_folder;

/// The size in bytes at which a batch is closed.
const BATCH: u64 = 256 << 10;

#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    /// The most bytes that may wait.
    most: u64,
    requirement: Requirement,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    closed: VecDeque<(PathBuf, u64)>,
    open: Option<Open>,
    next: u64,
    waiting: u64,
    missed: u64,
    error: Option<String>,
    /// Why the collector did not accept the last batch.
    refused: Option<String>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    length: u64,
}

/// Complete lines that are sent together.
#[derive(Debug)]
pub struct Batch {
    path: PathBuf,
    pub lines: Vec<u8>,
}

impl Spool {
    /// Opens a spool in a folder of its own, with the batches that an earlier run left there.
    ///
    /// # Errors
    /// The folder cannot be created or read, or another user could put lines into it.
    pub fn open(folder: &Path, most: u64, requirement: Requirement, access: FileAccess) -> io::Result<Self> {
        make_private_folder(folder, access)?;
        let mut closed = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if number_of(&path).is_some() && entry.file_type()?.is_file() {
                let length = whole_lines(&path, access)?;
                closed.push((path, length));
            }
        }
        closed.sort();
        let next = closed.last().and_then(|(path, _)| number_of(path)).map_or(1, |last| last + 1);
        let waiting = closed.iter().map(|(_, length)| length).sum();
        let state = State { closed: closed.into(), open: None, next, waiting, missed: 0, error: None, refused: None };
        Ok(Self { folder: folder.to_owned(), most, requirement, state: Mutex::new(state) })
    }

    /// The oldest batch. It is closed first if it is still open.
    ///
    /// # Errors
    /// The batch cannot be read.
    pub fn oldest(&self) -> io::Result<Option<Batch>> {
        let mut state = self.lock();
        if state.closed.is_empty() {
            state.close_open();
        }
        let Some((path, _)) = state.closed.front().cloned() else { return Ok(None) };
        drop(state);
        let mut lines = Vec::new();
        open_existing(OpenOptions::new().read(true), &path)?.read_to_end(&mut lines)?;
        Ok(Some(Batch { lines, path }))
    }

    /// Removes a batch that the collector has accepted.
    ///
    /// # Errors
    /// The batch cannot be removed: it would be sent again.
    pub fn taken(&self, batch: &Batch) -> io::Result<()> {
        fs::remove_file(&batch.path)?;
        let mut state = self.lock();
        if state.closed.front().is_some_and(|(path, _)| *path == batch.path)
            && let Some((_, length)) = state.closed.pop_front()
        {
            state.waiting -= length;
        }
        state.refused = None;
        Ok(())
    }

    /// Records why the collector did not accept a batch.
    pub fn refused(&self, why: String) {
        self.lock().refused = Some(why);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, state: &mut State, lines: &[u8]) -> io::Result<()> {
        if state.waiting + lines.len() as u64 > self.most {
            let why = state.refused.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            return Err(io::Error::other(format!("the spool is full{why}")));
        }
        let open = match &mut state.open {
            Some(open) => open,
            none => none.insert(self.begin(state.next)?),
        };
        let written = open.file.write_all(lines).and_then(|()| match self.requirement {
            Requirement::Required => open.file.sync_data(),
            Requirement::BestEffort => Ok(()),
        });
        if let Err(error) = written {
            // A batch that cannot be truncated is closed, so that the next one begins with a complete line.
            if open.file.set_len(open.length).is_err() {
                state.close_open();
            }
            return Err(error);
        }
        open.length += lines.len() as u64;
        let full = open.length >= BATCH;
        state.waiting += lines.len() as u64;
        if full {
            state.close_open();
        }
        Ok(())
    }

    fn begin(&self, number: u64) -> io::Result<Open> {
        let path = self.folder.join(format!("{number:012}.jsonl"));
        let file = make_private(&path)?;
        if self.requirement == Requirement::Required {
            sync_folder(&self.folder)?;
        }
        Ok(Open { file, path, length: 0 })
    }
}

impl State {
    fn close_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.next += 1;
            self.closed.push_back((open.path, open.length));
        }
    }
}

impl SecondarySink for Spool {
    fn requirement(&self) -> Requirement {
        self.requirement
    }

    fn take(&self, lines: &[u8], count: u64) -> Result<(), SinkError> {
        let mut state = self.lock();
        let Err(error) = self.put(&mut state, lines) else {
            state.error = None;
            return Ok(());
        };
        let why = error.to_string();
        if state.error.is_none() {
            tracing::error!(error = why, "lines of the audit log cannot be spooled for `[audit.http]`");
        }
        state.error = Some(why.clone());
        state.missed += count;
        match self.requirement {
            Requirement::Required => Err(SinkError(why)),
            Requirement::BestEffort => Ok(()),
        }
    }

    fn status(&self) -> SecondaryStatus {
        let mut state = self.lock();
        // Batches that were sent have made room.
        if state.waiting < self.most / 2 {
            state.error = None;
        }
        let (missed, waiting, error) = (state.missed, state.waiting, state.error.clone());
        SecondaryStatus { name: "http", requirement: self.requirement, missed, waiting, error }
    }
}

fn number_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok()
}

/// The length of a batch. A line that a crash left torn was never accepted, so the file is truncated before it.
fn whole_lines(path: &Path, access: FileAccess) -> io::Result<u64> {
    let mut file = open_existing(OpenOptions::new().read(true).write(true), path)?;
    tighten(&file, path, access)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed as u64 + 1);
    if whole < bytes.len() as u64 {
        file.set_len(whole)?;
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_in_order_and_survive() {
        let folder = tempfile::tempdir().unwrap();
        let open =
            |most| Spool::open(&folder.path().join("spool"), most, Requirement::Required, FileAccess::Private).unwrap();
        let spool = open(1 << 20);
        spool.take(b"1\n", 1).unwrap();
        spool.take(b"2\n", 1).unwrap();
        let batch = spool.oldest().unwrap().unwrap();
        assert_eq!(batch.lines, b"1\n2\n");
        spool.take(b"3\n", 1).unwrap();
        drop(spool);
        fs::write(folder.path().join("spool/000000000003.jsonl"), "4\n{\"se").unwrap();
        let spool = open(8);
        assert_eq!(spool.status().waiting, 8);
        assert!(spool.take(b"5\n", 1).is_err(), "it is full");
        assert_eq!((spool.status().missed, spool.status().error.is_some()), (1, true));
        let mut all = Vec::new();
        while let Some(batch) = spool.oldest().unwrap() {
            all.extend_from_slice(&batch.lines);
            spool.taken(&batch).unwrap();
        }
        assert_eq!(all, b"1\n2\n3\n4\n");
        assert_eq!(spool.take(b"5\n", 1), Ok(()));
        assert_eq!(spool.status().waiting, 2);
    }

    #[test]
    fn lines_that_are_not_required_are_counted_if_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), 3, Requirement::BestEffort, FileAccess::Private).unwrap();
        assert_eq!((spool.take(b"1\n", 1), spool.take(b"2\n3\n", 2)), (Ok(()), Ok(())));
        assert_eq!(spool.status().missed, 2);
        assert_eq!(spool.oldest().unwrap().unwrap().lines, b"1\n");
    }
}
