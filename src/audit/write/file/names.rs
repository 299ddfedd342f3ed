//! The names of a log's files, which are all beside the current one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Names derived from the current file's; the stem of `audit.jsonl` is `audit`.
#[derive(Clone, Debug)]
pub(super) struct Names {
    path: PathBuf,
    folder: PathBuf,
    stem: String,
}

/// A file that is no longer written, with the numbers of its first and last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rotated {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) path: PathBuf,
    pub(super) form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Gzip,
}

impl Names {
    pub(super) fn new(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { path: path.to_owned(), folder: folder.to_owned(), stem }
    }

    /// The file that is being written.
    pub(super) fn current(&self) -> &Path {
        &self.path
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn rotated(&self, first: u64, last: u64) -> PathBuf {
        self.beside(&format!("{first:012}-{last:012}.jsonl"))
    }

    /// A new file, until it becomes the current one.
    pub(super) fn coming(&self) -> PathBuf {
        self.beside("next.jsonl")
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.beside("checkpoints.jsonl")
    }

    /// An unused name, with the current time, for something that is kept but does not belong to the log.
    pub(super) fn aside(&self, why: &str, now: Timestamp) -> PathBuf {
        let name = format!("{why}-{}", now.strftime("%Y%m%dT%H%M%SZ"));
        let mut path = self.beside(&name);
        for number in 2.. {
            let free = |path: &Path| path.symlink_metadata().is_err();
            let mut log = path.clone().into_os_string();
            log.push(".jsonl");
            if free(&path) && free(Path::new(&log)) {
                break;
            }
            path = self.beside(&format!("{name}-{number}"));
        }
        path
    }

    /// All rotated files, oldest first; a file that exists in both forms is listed twice.
    pub(super) fn all_rotated(&self) -> io::Result<Vec<Rotated>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // A rotated log is a regular file; a link with such a name does not belong to the log.
            if !entry.file_type()?.is_file() {
                continue;
            }
            let name = entry.file_name();
            let read = name.to_str().and_then(|name| self.read(name));
            found.extend(read.map(|(first, last, form)| Rotated { first, last, path: entry.path(), form }));
        }
        found.sort_by_key(|file| (file.last, file.first, file.form == Form::Gzip));
        Ok(found)
    }

    /// The files beside the log that are no longer written: rotated files, and files that were set aside.
    pub(super) fn all_closed(&self) -> io::Result<Vec<PathBuf>> {
        const ASIDE: [&str; 5] = ["torn-", "foreign-", "replaced-", "checkpoints-torn-", "lost-"];
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let rest = name.strip_prefix(&self.stem).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
            let closed = self.read(name).is_some() || ASIDE.iter().any(|aside| rest.starts_with(aside));
            if closed && entry.file_type()?.is_file() {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// The names of a log that is given up: it becomes a separate log with a stem of its own.
    pub(super) fn lost(&self, now: Timestamp) -> Self {
        let path = self.aside("lost", now);
        let stem = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut name = path.into_os_string();
        name.push(".jsonl");
        Self { path: name.into(), folder: self.folder.clone(), stem }
    }

    fn read(&self, name: &str) -> Option<(u64, u64, Form)> {
        let rest = name.strip_prefix(&self.stem)?.strip_prefix('.')?;
        let (numbers, form) = match rest.strip_suffix(".jsonl.gz") {
            Some(numbers) => (numbers, Form::Gzip),
            None => (rest.strip_suffix(".jsonl")?, Form::Plain),
        };
        let (first, last) = numbers.split_once('-')?;
        let number = |text: &str| {
            let digits = text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits)
        };
        Some((number(first)?, number(last)?, form))
    }

    fn beside(&self, rest: &str) -> PathBuf {
        self.folder.join(format!("{}.{rest}", self.stem))
    }
}

/// Syncs a folder, so that names that were added or removed in it survive a crash.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_file_is_known_by_its_name() {
        let names = Names::new(Path::new("logs/audit.jsonl"));
        let path = names.rotated(1, 4096);
        assert_eq!(path, Path::new("logs/audit.000000000001-000000004096.jsonl"));
        let read = |name: &str| names.read(name);
        assert_eq!(read("audit.000000000001-000000004096.jsonl"), Some((1, 4096, Form::Plain)));
        assert_eq!(read("audit.000000000001-000000004096.jsonl.gz"), Some((1, 4096, Form::Gzip)));
        for other in ["audit.jsonl", "audit.1-2.jsonl", "other.000000000001-000000000002.jsonl", "audit.next.jsonl"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(Names::new(Path::new("audit.jsonl")).folder(), Path::new("."));
    }
}
