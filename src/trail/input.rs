//! Which files are read, in which order.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::log_name::{LogName, stem_of};

/// Folders are nested no deeper where ActionTrail delivers.
const DEEPEST: usize = 16;

/// One stream of bytes to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    File(PathBuf),
}

/// The files that are meant by what was typed: `-` is standard input, a folder all logs and deliveries in it, its
/// rotated files in the order of their lines and the current one last.
///
/// # Errors
/// A folder that cannot be read, or a name that nothing bears.
pub fn inputs(named: &[PathBuf]) -> Result<Vec<Input>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    for path in named {
        let failed = |error| (path.clone(), error);
        if path.as_os_str() == OsStr::new("-") {
            found.push(Input::Stdin);
        } else if fs::metadata(path).map_err(failed)?.is_dir() {
            let mut files = Vec::new();
            files_in(path, 0, &mut files).map_err(failed)?;
            found.extend(in_order(files).into_iter().map(Input::File));
        } else {
            found.push(Input::File(path.clone()));
        }
    }
    Ok(found)
}

/// A log with the files that were rotated away beside it, oldest first.
///
/// # Errors
/// A folder that cannot be read.
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

/// Logs with the files that were rotated away beside them, folders, and `-`, each file once where it is named twice running.
///
/// # Errors
/// As [`inputs`].
pub fn logs(named: &[PathBuf]) -> Result<Vec<Input>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    for path in named {
        let failed = |error| (path.clone(), error);
        if path.as_os_str() == OsStr::new("-") || path.is_dir() {
            found.extend(inputs(std::slice::from_ref(path))?);
        } else {
            found.extend(log_with_rotated(path).map_err(failed)?);
        }
    }
    found.dedup();
    Ok(found)
}

/// In bytes, as they lie on disk; unknown where one of them comes through a pipe.
pub fn total_size<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Option<u64> {
    inputs.into_iter().map(Input::size).sum()
}

impl Input {
    /// In bytes, as it lies on disk; unknown for standard input.
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

fn files_in(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if fs::metadata(&path)?.is_dir() {
            if depth < DEEPEST {
                files_in(&path, depth + 1, found)?;
            }
        } else if is_read(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_read(path: &Path) -> bool {
    match LogName::of(path) {
        LogName::Rotated { .. } | LogName::Current { .. } => true,
        LogName::Checkpoints { .. } => false,
        LogName::Other => path.extension().is_some_and(|extension| extension == "json" || extension == "gz"),
    }
}

/// A file that is being compressed stands there twice; the plain one is whole.
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
        write("2026/03/01/Actiontrail_cn-hangzhou_1.gz");
        let names = |found: Vec<Input>| -> Vec<String> {
            let names = found.iter().map(ToString::to_string);
            names.map(|name| name.replace(&format!("{}/", folder.path().display()), "")).collect()
        };
        let found = names(inputs(&[folder.path().to_owned()]).unwrap());
        assert_eq!(found, [old, twice, "audit.jsonl", "2026/03/01/Actiontrail_cn-hangzhou_1.gz"]);
        assert_eq!(names(log_with_rotated(&folder.path().join("audit.jsonl")).unwrap()), found[..3]);
        assert_eq!(inputs(&[PathBuf::from("-")]).unwrap(), [Input::Stdin]);
        assert!(inputs(&[folder.path().join("absent")]).is_err());
    }
}
