//! A policy directory: account files and documents, in subfolders too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use crate::pdp::Directory;
use crate::source::{Complaint, Source, hex};

use super::account::{Account, PolicyFiles};
use super::file::read_source;

/// More files than any account has documents.
const MOST_FILES: usize = 200_000;
/// Deeper than any sensible folder, and an end for links that go round.
const DEEPEST: usize = 16;

/// What was read, and what somebody should look at.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub directory: Directory,
    pub warnings: Vec<Complaint>,
    pub documents: usize,
    pub statements: usize,
}

/// Loads policy directories, one account each.
///
/// # Errors
/// Every complaint about every file; nothing is loaded in part.
pub fn load_directories(paths: &[PathBuf]) -> Result<Loaded, Vec<Complaint>> {
    let (mut files, mut complaints) = (Vec::new(), Vec::new());
    for path in paths {
        match read_directory(path) {
            Ok(read) => files.push(read),
            Err(unreadable) => complaints.extend(unreadable),
        }
    }
    if complaints.is_empty() { Loaded::from_files(files) } else { Err(complaints) }
}

/// Reads the files of one directory. A file that cannot be read is told along with what is wrong in the others.
///
/// # Errors
/// A directory that cannot be read.
pub fn read_directory(path: &Path) -> Result<PolicyFiles, Vec<Complaint>> {
    let mut found = Vec::new();
    let refuse = |path: &Path, title: String| {
        let help = "name a directory that holds `account.toml` and policy documents";
        vec![Source::new(path.display().to_string(), "").error_without_place(title, help)]
    };
    collect(path, 0, &mut found).map_err(|error| refuse(path, format!("the directory cannot be read: {error}")))?;
    if found.len() > MOST_FILES {
        return Err(refuse(path, format!("the directory holds more than {MOST_FILES} files")));
    }
    found.sort();
    let mut files = PolicyFiles {
        name: path.display().to_string(),
        accounts: Vec::new(),
        documents: Vec::new(),
        others: Vec::new(),
        unreadable: Vec::new(),
    };
    for path in found {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let list = if name == "account.toml" || name.ends_with(".account.toml") {
            &mut files.accounts
        } else if name.ends_with(".json") && !name.ends_with(".cases.json") {
            &mut files.documents
        } else if name == "resources.toml" {
            &mut files.others
        } else {
            continue;
        };
        match read_source(&path) {
            Ok(source) => list.push((path, source)),
            Err(complaint) => files.unreadable.push((path, complaint)),
        }
    }
    Ok(files)
}

impl Loaded {
    /// Makes a directory of files already read.
    ///
    /// # Errors
    /// Every complaint about every file.
    pub fn from_files(files: Vec<PolicyFiles>) -> Result<Self, Vec<Complaint>> {
        let mut complaints = Vec::new();
        let mut accounts = Vec::new();
        let revision = revision(&files);
        for directory in files {
            match Account::read(directory) {
                Ok(account) => accounts.push(account),
                Err(found) => complaints.extend(found),
            }
        }
        let mut seen = BTreeMap::new();
        for account in &accounts {
            if let Some(first) = seen.insert(account.id.clone(), account.source.clone()) {
                let title = format!("the account `{}` is given twice, here and in `{}`", account.id, first.name());
                complaints.push(account.source.error_without_place(title, "give each directory an account of its own"));
            }
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let warnings = accounts.iter().flat_map(|account| account.warnings.iter().cloned()).collect();
        let documents = accounts.iter().map(|account| account.documents.len()).sum();
        let statements =
            accounts.iter().flat_map(|account| &account.documents).map(|document| document.statements().len()).sum();
        let ids: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
        let principals = accounts.into_iter().flat_map(|account| account.principals);
        Ok(Self { directory: Directory::new(ids, principals, revision), warnings, documents, statements })
    }
}

/// A digest of all that was read: what is in force, in one word.
fn revision(files: &[PolicyFiles]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for directory in files {
        for (path, source) in directory.accounts.iter().chain(&directory.documents) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            for part in [name.as_bytes(), source.text().as_bytes()] {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part);
            }
        }
    }
    format!("sha256:{}", hex(context.finish().as_ref()))
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || found.len() > MOST_FILES {
            continue;
        }
        if !fs::metadata(&path)?.is_dir() {
            found.push(path);
        } else if depth < DEEPEST {
            collect(&path, depth + 1, found)?;
        } else {
            return Err(std::io::Error::other(format!("`{}` lies too deep", path.display())));
        }
    }
    Ok(())
}
