//! A bounded spool on disk: lines that wait to be sent elsewhere, and are still there after a restart.
//!
//! Each file is one parcel, gone when it was taken. A parcel that was taken without our learning of it is sent again:
//! whoever collects can tell by the chain and the numbers of the lines.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::follower::{Follower, FollowerStatus};
use super::super::sink::{Requirement, SinkFault};
use super::access::{FileAccess, make_private, make_private_folder, open_existing, tighten};
use super::names::sync_folder;

/// A parcel is closed when it has so many bytes.
const PARCEL: u64 = 256 << 10;

#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    /// Bytes that may wait.
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
    fault: Option<String>,
    /// Why the last parcel was not taken.
    refused: Option<String>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    length: u64,
}

/// Whole lines, to be sent together.
#[derive(Debug)]
pub struct Parcel {
    path: PathBuf,
    pub lines: Vec<u8>,
}

impl Spool {
    /// Opens a spool in a folder of its own, with what an earlier run left there.
    ///
    /// # Errors
    /// A folder that cannot be made or read, or that another user could put lines into.
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
        let state = State { closed: closed.into(), open: None, next, waiting, missed: 0, fault: None, refused: None };
        Ok(Self { folder: folder.to_owned(), most, requirement, state: Mutex::new(state) })
    }

    /// The oldest lines that wait.
    ///
    /// # Errors
    /// A parcel that cannot be read.
    pub fn oldest(&self) -> io::Result<Option<Parcel>> {
        let mut state = self.lock();
        if state.closed.is_empty() {
            state.close_open();
        }
        let Some((path, _)) = state.closed.front().cloned() else { return Ok(None) };
        drop(state);
        let mut lines = Vec::new();
        open_existing(OpenOptions::new().read(true), &path)?.read_to_end(&mut lines)?;
        Ok(Some(Parcel { lines, path }))
    }

    /// They were taken.
    ///
    /// # Errors
    /// A parcel that cannot be removed: it would be sent again.
    pub fn taken(&self, parcel: &Parcel) -> io::Result<()> {
        fs::remove_file(&parcel.path)?;
        let mut state = self.lock();
        if state.closed.front().is_some_and(|(path, _)| *path == parcel.path)
            && let Some((_, length)) = state.closed.pop_front()
        {
            state.waiting -= length;
        }
        state.refused = None;
        Ok(())
    }

    /// They were not.
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
            // What cannot be taken back is closed: the next parcel begins with a whole line.
            if open.file.set_len(open.length).is_err() {
                state.close_open();
            }
            return Err(error);
        }
        open.length += lines.len() as u64;
        let full = open.length >= PARCEL;
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

impl Follower for Spool {
    fn requirement(&self) -> Requirement {
        self.requirement
    }

    fn take(&self, lines: &[u8], count: u64) -> Result<(), SinkFault> {
        let mut state = self.lock();
        let Err(error) = self.put(&mut state, lines) else {
            state.fault = None;
            return Ok(());
        };
        let fault = error.to_string();
        if state.fault.is_none() {
            tracing::error!(error = fault, "lines of the audit log cannot be kept for `[audit.http]`");
        }
        state.fault = Some(fault.clone());
        state.missed += count;
        match self.requirement {
            Requirement::Required => Err(SinkFault(fault)),
            Requirement::BestEffort => Ok(()),
        }
    }

    fn status(&self) -> FollowerStatus {
        let mut state = self.lock();
        // A parcel that was sent made room.
        if state.waiting < self.most / 2 {
            state.fault = None;
        }
        let (missed, waiting, fault) = (state.missed, state.waiting, state.fault.clone());
        FollowerStatus { name: "http", requirement: self.requirement, missed, waiting, fault }
    }
}

fn number_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok()
}

/// How long a parcel is; a line that a crash left torn was never accepted, and is cut off.
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
        let parcel = spool.oldest().unwrap().unwrap();
        assert_eq!(parcel.lines, b"1\n2\n");
        spool.take(b"3\n", 1).unwrap();
        drop(spool);
        fs::write(folder.path().join("spool/000000000003.jsonl"), "4\n{\"se").unwrap();
        let spool = open(8);
        assert_eq!(spool.status().waiting, 8);
        assert!(spool.take(b"5\n", 1).is_err(), "it is full");
        assert_eq!((spool.status().missed, spool.status().fault.is_some()), (1, true));
        let mut all = Vec::new();
        while let Some(parcel) = spool.oldest().unwrap() {
            all.extend_from_slice(&parcel.lines);
            spool.taken(&parcel).unwrap();
        }
        assert_eq!(all, b"1\n2\n3\n4\n");
        assert_eq!(spool.take(b"5\n", 1), Ok(()));
        assert_eq!(spool.status().waiting, 2);
    }

    #[test]
    fn what_is_not_required_is_counted_when_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), 3, Requirement::BestEffort, FileAccess::Private).unwrap();
        assert_eq!((spool.take(b"1\n", 1), spool.take(b"2\n3\n", 2)), (Ok(()), Ok(())));
        assert_eq!(spool.status().missed, 2);
        assert_eq!(spool.oldest().unwrap().unwrap().lines, b"1\n");
    }
}
