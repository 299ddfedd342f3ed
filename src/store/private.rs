//! Files with secrets. Owner and mode are checked on the opened file, so that it cannot be exchanged in between.
//!
//! Links are followed, because orchestrators mount secrets as links into a folder that they replace as a whole. The
//! target of a link is checked like any other file.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use crate::audit::{check_owner, chown};
use ram_policy::{Diagnostic, Source};

use super::file::{LARGEST, read_opened, source_of};

/// Whether a file with secrets must be inaccessible to other users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileModes {
    Checked,
    /// Set by `--insecure-key-file-mode`.
    Ignored,
}

/// Why a file with a secret is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrivateFileError {
    #[error("`{name}` cannot be read: {error}")]
    Unreadable { name: String, error: io::Error },
    #[error("other users can access `{name}` (mode {mode:04o})")]
    OpenToOthers { name: String, mode: u32 },
    #[error("`{name}` {error}")]
    AnotherUsers { name: String, error: io::Error },
}

impl PrivateFileError {
    pub(super) fn remedy(&self) -> String {
        match self {
            Self::Unreadable { .. } => "check the path and the permissions".to_owned(),
            Self::OpenToOthers { .. } => "run `chmod 600` on it".to_owned(),
            Self::AnotherUsers { name, .. } => format!("run `{}`", chown(name)),
        }
    }

    /// The error and its remedy in one line.
    pub(super) fn in_one_line(&self) -> String {
        format!("{self}: {}", self.remedy())
    }
}

/// Reads a file of up to `most` bytes that no other user may access or own.
pub(super) fn read_private(path: &Path, most: u64, modes: FileModes) -> Result<Vec<u8>, PrivateFileError> {
    let unreadable = |error| PrivateFileError::Unreadable { name: path.display().to_string(), error };
    let file = File::open(path).map_err(unreadable)?;
    check_private(&file, path, modes)?;
    read_opened(file, most).map_err(unreadable)
}

/// Reads a text file that no other user may access or own. Callers mark it with [`Source::confidential`] where needed.
///
/// # Errors
/// The file cannot be read, is not UTF-8, or another user may access or owns it.
pub(super) fn read_private_source(path: &Path, modes: FileModes) -> Result<Source, Diagnostic> {
    let refuse = |title: String, help: String| {
        Source::new(path.display().to_string(), "").confidential().error_without_place(title, help)
    };
    let bytes = read_private(path, LARGEST, modes).map_err(|error| match &error {
        PrivateFileError::Unreadable { error: cause, .. } => {
            refuse(format!("the file cannot be read: {cause}"), error.remedy())
        }
        _ => refuse(error.to_string(), format!("{}, or start with `--insecure-key-file-mode`", error.remedy())),
    })?;
    source_of(path, bytes)
}

/// Checks that no other user may access or own an open file.
pub(super) fn check_private(file: &File, path: &Path, modes: FileModes) -> Result<(), PrivateFileError> {
    if modes == FileModes::Ignored {
        return Ok(());
    }
    let name = || path.display().to_string();
    let metadata = file.metadata().map_err(|error| PrivateFileError::Unreadable { name: name(), error })?;
    check_owner(&metadata).map_err(|error| PrivateFileError::AnotherUsers { name: name(), error })?;
    match open_mode(&metadata) {
        Some(mode) => Err(PrivateFileError::OpenToOthers { name: name(), mode }),
        None => Ok(()),
    }
}

/// The mode of the file, if it grants other users any access.
#[cfg(unix)]
fn open_mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_mode(_: &Metadata) -> Option<u32> {
    None
}
