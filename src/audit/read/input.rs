//! Selects the files to read, and their order.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use super::log_name::{LogName, stem_of};
use super::open::open;

/// How deep folders are searched. ActionTrail's deliveries are nested less deeply.
const DEEPEST: usize = 16;

/// One stream of bytes to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    File(PathBuf),
}

/// The files to look for in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The log in the folder itself, and its checkpoints.
    Log,
    /// All files with events, including those in subfolders.
    Events,
}

/// The files to read, and those that are skipped although their names look right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub inputs: Vec<Input>,
    /// Files that have the name of a log or of a delivery, but not its content.
    pub left_out: Vec<PathBuf>,
}

/// The files that arguments name. `-` is standard input. A folder means all logs in it, each with its rotated files in
/// the order of their lines and the current file last; for events, also ActionTrail's deliveries in its subfolders.
///
/// # Errors
/// A folder cannot be read, or a name does not exist.
pub fn inputs(named: &[PathBuf], wanted: Wanted) -> Result<Selection, (PathBuf, io::Error)> {
    let mut found = Selection::default();
    for path in named {
        let failed = |error| (path.clone(), error);
        if path.as_os_str() == OsStr::new("-") {
            found.inputs.push(Input::Stdin);
        } else if fs::metadata(path).map_err(failed)?.is_dir() {
            let mut files = FolderFiles::default();
            files.add(path, 0, wanted).map_err(failed)?;
            found.inputs.extend(in_order(files.meant).into_iter().map(Input::File));
            files.left_out.sort();
            found.left_out.append(&mut files.left_out);
        } else {
            found.inputs.push(Input::File(path.clone()));
        }
    }
    Ok(found)
}

/// A log with its rotated files, oldest first.
///
/// # Errors
/// The folder cannot be read.
pub fn log_with_rotated(path: &Path) -> io::Result<Vec<Input>> {
    let rotated = matches!(LogName::of(path), LogName::Rotated { .. });
    let Some(wanted) = stem_of(path).filter(|_| !rotated) else { return Ok(vec![Input::File(path.to_owned())]) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut rotated_away = Vec::new();
    for entry in fs::read_dir(folder)? {
        let beside = path.with_file_name(entry?.file_name());
        if matches!(LogName::of(&beside), LogName::Rotated { stem, .. } if stem == wanted) {
            rotated_away.push(beside);
        }
    }
    let mut files = in_order(rotated_away);
    if path.exists() || files.is_empty() {
        files.push(path.to_owned());
    }
    Ok(files.into_iter().map(Input::File).collect())
}

/// Logs with their rotated files, folders, and `-`. A file that is named twice in succession is read once.
///
/// # Errors
/// As [`inputs`].
pub fn logs(named: &[PathBuf]) -> Result<Selection, (PathBuf, io::Error)> {
    let mut found = Selection::default();
    for path in named {
        let failed = |error| (path.clone(), error);
        if path.as_os_str() == OsStr::new("-") || path.is_dir() {
            let Selection { inputs, left_out } = inputs(std::slice::from_ref(path), Wanted::Events)?;
            found.inputs.extend(inputs);
            found.left_out.extend(left_out);
        } else {
            found.inputs.extend(log_with_rotated(path).map_err(failed)?);
        }
    }
    found.inputs.dedup();
    Ok(found)
}

/// The size on disk, in bytes; `None` if one of the inputs is not a regular file.
pub fn total_size<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Option<u64> {
    inputs.into_iter().map(Input::size).sum()
}

impl Input {
    /// The size on disk, in bytes; `None` if the input is not a regular file.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|data| data.len()),
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => out.write_str("<stdin>"),
            Self::File(path) => path.display().fmt(out),
        }
    }
}

/// The files of a folder, classified.
#[derive(Debug, Default)]
struct FolderFiles {
    meant: Vec<PathBuf>,
    left_out: Vec<PathBuf>,
}

impl FolderFiles {
    fn add(&mut self, folder: &Path, depth: usize, wanted: Wanted) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            // A link without a target is skipped.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if !metadata.is_dir() {
                files.push(path);
            } else if wanted == Wanted::Events && depth < DEEPEST {
                self.add(&path, depth + 1, wanted)?;
            }
        }
        for path in &files {
            match kind_of(path, &files, wanted) {
                Kind::Meant => self.meant.push(path.clone()),
                Kind::LooksAlike => self.left_out.push(path.clone()),
                Kind::None => {}
            }
        }
        Ok(())
    }
}

enum Kind {
    Meant,
    LooksAlike,
    None,
}

/// Classifies a file of a folder by its name, by the files beside it, and by how it begins.
fn kind_of(path: &Path, beside: &[PathBuf], wanted: Wanted) -> Kind {
    match LogName::of(path) {
        LogName::Rotated { .. } => Kind::Meant,
        LogName::Current { stem } if has_kin(&stem, beside) => Kind::Meant,
        LogName::Current { .. } => match (Beginning::of(path), wanted) {
            (Beginning::Empty | Beginning::Line, _) | (Beginning::Events, Wanted::Events) => Kind::Meant,
            _ => Kind::LooksAlike,
        },
        // Checkpoints without a log show that the log is gone.
        LogName::Checkpoints { .. } if wanted == Wanted::Log => Kind::Meant,
        LogName::Checkpoints { .. } => Kind::None,
        LogName::Other => {
            let delivery = path.extension().is_some_and(|extension| extension == "json" || extension == "gz");
            match Beginning::of(path) {
                _ if !delivery || wanted == Wanted::Log => Kind::None,
                Beginning::Events | Beginning::Line => Kind::Meant,
                Beginning::Other => Kind::LooksAlike,
                Beginning::Empty => Kind::None,
            }
        }
    }
}

/// Whether other files of a log with this stem are beside the file. If so, the file is that log, regardless of its
/// content.
fn has_kin(stem: &str, beside: &[PathBuf]) -> bool {
    beside.iter().any(|path| match LogName::of(path) {
        LogName::Rotated { stem: other, .. } | LogName::Checkpoints { stem: other } => other == stem,
        LogName::Current { .. } => false,
        LogName::Other => path.file_name().is_some_and(|name| *name == *format!("{stem}.tag-key")),
    })
}

/// How a file begins, decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    Empty,
    /// A line of a log.
    Line,
    /// Possibly one of ActionTrail's events.
    Events,
    Other,
}

impl Beginning {
    fn of(path: &Path) -> Self {
        /// An event has its time, its name or its id within this many bytes.
        const ENOUGH: u64 = 16 << 10;
        const MEMBERS: [&[u8]; 3] = [b"\"eventName\"", b"\"eventTime\"", b"\"eventId\""];
        let mut start = Vec::new();
        let read = open(&Input::File(path.to_owned()), &Arc::default())
            .and_then(|bytes| bytes.take(ENOUGH).read_to_end(&mut start));
        let text = start.trim_ascii_start();
        if text.is_empty() {
            // A file that cannot be read is selected, so that reading it reports the error.
            return if read.is_ok() { Self::Empty } else { Self::Line };
        }
        if text.starts_with(b"{\"seq\":") {
            return Self::Line;
        }
        let events =
            matches!(text[0], b'{' | b'[') && MEMBERS.iter().any(|member| memmem::find(text, member).is_some());
        if events { Self::Events } else { Self::Other }
    }
}

/// Sorts files. A file that is being compressed exists twice; the plain one is complete, and is kept.
fn in_order(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.sort_by_cached_key(|path| {
        let folder = path.parent().map(Path::to_owned);
        let (stem, first) = match LogName::of(path) {
            LogName::Rotated { stem, first, .. } => (stem, first),
            LogName::Current { stem } => (stem, u64::MAX),
            LogName::Checkpoints { .. } | LogName::Other => (path.display().to_string(), 0),
        };
        (folder, stem, first, path.clone())
    });
    files.dedup_by(|later, earlier| later.file_stem() == earlier.file_name() && later.parent() == earlier.parent());
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_in_the_order_of_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        let old = "audit.000000000001-000000000002.jsonl.gz";
        let twice = "audit.000000000003-000000000009.jsonl";
        for name in ["audit.jsonl", old, twice, "audit.checkpoints.jsonl", "audit.torn-20260101T000000Z", ".new.jsonl"]
        {
            write(name);
        }
        write(&format!("{twice}.gz"));
        let delivery = "2026/03/01/Actiontrail_cn-hangzhou_1.json";
        write("policies/attach.json");
        fs::write(folder.path().join("policies/attach.json"), "{\"Version\": \"1\"}").unwrap();
        write("2026/03/01/old.jsonl");
        fs::write(folder.path().join("2026/03/01/old.jsonl"), "{\"seq\":1}").unwrap();
        fs::write(folder.path().join(delivery), "[{\"eventVersion\": \"1\", \"eventName\": \"A\"}]").unwrap();
        fs::write(folder.path().join("notes.jsonl"), "{\"note\": 1}").unwrap();
        let short = |name: String| name.replace(&format!("{}/", folder.path().display()), "");
        let names = |found: &[Input]| -> Vec<String> { found.iter().map(|input| short(input.to_string())).collect() };
        let shown =
            |paths: &[PathBuf]| -> Vec<String> { paths.iter().map(|path| short(path.display().to_string())).collect() };
        let all = inputs(&[folder.path().to_owned()], Wanted::Events).unwrap();
        assert_eq!(names(&all.inputs), [old, twice, "audit.jsonl", delivery, "2026/03/01/old.jsonl"]);
        assert_eq!(shown(&all.left_out), ["notes.jsonl", "policies/attach.json"]);
        let mut log = inputs(&[folder.path().to_owned()], Wanted::Log).unwrap();
        assert_eq!(names(&log.inputs[..1]), ["audit.checkpoints.jsonl"]);
        let checkpoints = log.inputs.remove(0);
        assert_eq!(
            (names(&log.inputs), shown(&log.left_out)),
            (names(&all.inputs[..3]), vec!["notes.jsonl".to_owned()])
        );
        assert_eq!(log_with_rotated(&folder.path().join("audit.jsonl")).unwrap(), log.inputs);
        // A file that belongs to the log is selected even if its content is damaged: reading it reports the damage.
        fs::write(folder.path().join("audit.jsonl"), "garbage").unwrap();
        log.inputs.insert(0, checkpoints);
        assert_eq!(inputs(&[folder.path().to_owned()], Wanted::Log).unwrap(), log);
        let from = |name: &str| inputs(&[PathBuf::from(name)], Wanted::Events);
        assert_eq!(from("-").unwrap().inputs, [Input::Stdin]);
        assert!(from("absent").is_err());
    }
}
