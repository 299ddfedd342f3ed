//! The files of a nonce store: a head with the key, and numbered files of frames beside it.
//!
//! Each file is created exclusively, with access for its owner only. Before a file is read it is checked: it must be a
//! regular file, not a link, and inaccessible to other users.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;

use crate::audit::{open_existing, private_file, sync_folder};
use crate::identity::DigestKey;

use super::super::private::{FileModes, PrivateFileError, check_private};
const MAGIC: &[u8; 16] = b"ramgate nonces 1";
const HEAD: usize = 40;

/// The names of the files, derived from the head's: `audit.nonces` has `audit.nonces.00000001` beside it.
#[derive(Clone, Debug)]
pub(super) struct Names {
    head: PathBuf,
}

/// The head file. It stays locked while it is open.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) key: DigestKey,
    _locked: File,
}

impl Names {
    pub(super) fn new(head: PathBuf) -> Self {
        Self { head }
    }

    pub(super) fn head(&self) -> &Path {
        &self.head
    }

    pub(super) fn file(&self, number: u64) -> PathBuf {
        let mut name = self.head.clone().into_os_string();
        name.push(format!(".{number:08}"));
        name.into()
    }

    /// The numbers of the existing files, in order.
    pub(super) fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        let stem = self.head.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for entry in fs::read_dir(self.folder())? {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_prefix(&*stem)?.strip_prefix('.'));
            let digits = digits.filter(|digits| digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit()));
            numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Creates the file with this number.
    pub(super) fn create(&self, number: u64) -> io::Result<File> {
        create(&self.file(number))
    }

    /// Syncs the folder, so that created and removed names reach the disk.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        sync_folder(self.folder())
    }

    fn folder(&self) -> &Path {
        self.head.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Reads the first `most` bytes of a file.
    pub(super) fn read(&self, number: u64, most: u64, modes: FileModes) -> Result<Vec<u8>, NonceFileError> {
        let path = self.file(number);
        let mut bytes = Vec::new();
        let mut file = open_checked(&path, modes)?.take(most);
        file.read_to_end(&mut bytes).map_err(|error| NonceFileError::Io { path, error })?;
        Ok(bytes)
    }
}

impl Head {
    /// Opens and locks the head, or creates it. Also returns whether a complete head existed.
    pub(super) fn open(names: &Names, modes: FileModes) -> Result<(Self, bool), NonceFileError> {
        let path = names.head();
        let io = |error| NonceFileError::Io { path: path.to_owned(), error };
        let file = match fs::symlink_metadata(path) {
            Ok(_) => open_checked(path, modes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).map_err(io)?,
            Err(error) => return Err(io(error)),
        };
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => NonceFileError::InUse { path: path.to_owned() },
            TryLockError::Error(error) => io(error),
        })?;
        let mut bytes = Vec::new();
        (&file).take(HEAD as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
        if let Some(key) = key_in(&bytes) {
            return Ok((Self { key, _locked: file }, true));
        }
        let magic = &bytes[..bytes.len().min(MAGIC.len())];
        if !MAGIC.starts_with(magic) {
            return Err(NonceFileError::Foreign { path: path.to_owned() });
        }
        // A crash may leave an incomplete head. No frame was written with its key then, so a new key is safe.
        let key = begin(&file).map_err(io)?;
        names.sync_folder().map_err(io)?;
        Ok((Self { key, _locked: file }, false))
    }
}

fn key_in(bytes: &[u8]) -> Option<DigestKey> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (key, check) = rest.split_at_checked(16)?;
    let key = DigestKey(key.try_into().ok()?);
    (check == key.of(&[MAGIC]).to_le_bytes()).then_some(key)
}

fn begin(mut file: &File) -> io::Result<DigestKey> {
    let mut key = [0; 16];
    rand::fill(&mut key).map_err(|_| io::Error::other("the system provides no random bytes"))?;
    let key = DigestKey(key);
    file.set_len(0)?;
    io::Seek::rewind(&mut file)?;
    file.write_all(&[&MAGIC[..], &key.0, &key.of(&[MAGIC]).to_le_bytes()].concat())?;
    file.sync_all()?;
    Ok(key)
}

fn create(path: &Path) -> io::Result<File> {
    private_file().read(true).write(true).create_new(true).open(path)
}

/// Opens an existing file, if it is a regular file that no other user may access or own.
fn open_checked(path: &Path, modes: FileModes) -> Result<File, NonceFileError> {
    let io = |error| NonceFileError::Io { path: path.to_owned(), error };
    let not_a_file = || NonceFileError::NotAFile { path: path.to_owned() };
    if !fs::symlink_metadata(path).map_err(io)?.is_file() {
        return Err(not_a_file());
    }
    let file = open_existing(OpenOptions::new().read(true).write(true), path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        return Err(not_a_file());
    }
    check_private(&file, path, modes).map_err(|error| match error {
        PrivateFileError::OpenToOthers { .. } => NonceFileError::OpenToOthers { path: path.to_owned() },
        PrivateFileError::Unreadable { error, .. } | PrivateFileError::AnotherUsers { error, .. } => io(error),
    })?;
    Ok(file)
}

/// Why a nonce store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NonceFileError {
    #[error("the nonce file `{path}` cannot be used: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("the nonce file `{path}` is in use by another process")]
    InUse { path: PathBuf },
    #[error("`{path}` is not a regular file, so it cannot be a nonce file")]
    NotAFile { path: PathBuf },
    #[error("the nonce file `{path}` is accessible to other users")]
    OpenToOthers { path: PathBuf },
    #[error("`{path}` is not a nonce file of this version")]
    Foreign { path: PathBuf },
}

impl NonceFileError {
    /// The remedy for the operator.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::NotAFile { .. } => {
                "set `nonce_path` in `[identity]` to a file in a folder that this process can write; or set \
                 `nonce_store = \"memory\"`, which allows calls to be replayed after a restart"
            }
            Self::InUse { .. } => "stop the other process, or set another `nonce_path` in `[identity]`",
            Self::OpenToOthers { .. } => "run `chmod 600` on it, or start with `--insecure-key-file-mode`",
            Self::Foreign { .. } => "set `nonce_path` in `[identity]` to another file, or move this one away",
        }
    }
}
