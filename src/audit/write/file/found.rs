//! Whether the path still names the file that is being written.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Identifies a regular file independently of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// What is at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Same,
    Gone,
    Replaced,
    /// Another process truncated the file to this length.
    Truncated(u64),
    /// Another process wrote to the file, which has this length now.
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
    /// Compares the path with the file that is expected there, of that length.
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
            Self::Truncated(_) => "the file was truncated by another process",
            Self::Grown(_) => "another process wrote into the file",
        })
    }
}
