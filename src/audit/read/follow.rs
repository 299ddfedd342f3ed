//! Reading a log while it is being written, across rotations.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memchr;

use super::events::{Events, Located, Place, ReadError, read_event};
use super::input::{Input, log_with_rotated};
use super::lines::LONGEST_LINE;
use super::log_name::LogName;

/// Follows a log, and reads the lines that are appended to it.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    name: Arc<str>,
    file: Option<File>,
    /// The beginning of a line that is not complete yet.
    begun: Vec<u8>,
    line: u64,
    /// The number of the last line that was read, so that no file that was begun and rotated between two looks is
    /// missed.
    seq: u64,
}

impl Follow {
    /// Follows a log from its first line on.
    pub fn new(path: &Path) -> Self {
        let name = path.display().to_string().into();
        Self { path: path.to_owned(), name, file: None, begun: Vec::new(), line: 0, seq: 0 }
    }

    /// Passes everything that was appended since the last look to `take`.
    ///
    /// # Errors
    /// The log cannot be read. A log that is absent for a moment is being rotated, which is not an error.
    pub fn look(&mut self, take: &mut dyn FnMut(Result<Located, ReadError>)) -> io::Result<()> {
        self.drain(take)?;
        if !self.was_rotated()? {
            return Ok(());
        }
        // Lines may have been written between the look above and the rotation.
        self.drain(take)?;
        let opened = match File::open(&self.path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.file.is_some() {
            self.catch_up(take)?;
        }
        self.file = Some(opened);
        (self.begun, self.line) = (Vec::new(), 0);
        self.drain(take)
    }

    /// Reads files that were begun and rotated since the last look.
    fn catch_up(&mut self, take: &mut dyn FnMut(Result<Located, ReadError>)) -> io::Result<()> {
        let missed = |input: &Input| {
            let Input::File(path) = input else { return false };
            matches!(LogName::of(path), LogName::Rotated { first, .. } if first > self.seq)
        };
        let missed: Vec<Input> = log_with_rotated(&self.path)?.into_iter().filter(missed).collect();
        for read in Events::new(missed) {
            if let Ok(Located { seq: Some(seq), .. }) = read {
                self.seq = seq;
            }
            take(read);
        }
        Ok(())
    }

    fn drain(&mut self, take: &mut dyn FnMut(Result<Located, ReadError>)) -> io::Result<()> {
        const STEP: u64 = 1 << 16;
        loop {
            let Some(file) = &mut self.file else { return Ok(()) };
            let before = self.begun.len();
            if file.take(STEP).read_to_end(&mut self.begun)? == 0 {
                return Ok(());
            }
            let mut start = 0;
            let mut searched = before;
            while let Some(feed) = memchr(b'\n', &self.begun[searched..]) {
                let end = searched + feed;
                let line = self.begun[start..end].to_vec();
                (start, searched) = (end + 1, end + 1);
                self.line += 1;
                take(self.read(&line));
            }
            self.begun.drain(..start);
            if self.begun.len() > LONGEST_LINE {
                // The rest of the line will be reported as a line that is not an event.
                self.begun.clear();
            }
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<Located, ReadError> {
        let place = Place { file: Arc::clone(&self.name), line: self.line };
        match read_event(line) {
            Ok((seq, event)) => {
                self.seq = seq.unwrap_or(self.seq);
                Ok(Located { place, seq, event })
            }
            Err(why) => Err(ReadError::Line { place, why }),
        }
    }

    /// Whether another file has the log's name now, or this one was truncated.
    fn was_rotated(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else { return Ok(true) };
        let now = match fs::metadata(&self.path) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        };
        let read = io::Seek::stream_position(file)?;
        Ok(!same_file(&now, &file.metadata()?) || now.len() < read)
    }
}

#[cfg(unix)]
fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    one.created().ok() == other.created().ok()
}
