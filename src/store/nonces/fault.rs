//! Why a nonce store cannot be opened, and what the operator can do about it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum NonceFileFault {
    #[error("the nonce file `{path}` cannot be used: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("the nonce file `{path}` is in use by another process")]
    InUse { path: PathBuf },
    #[error("`{path}` is not a regular file, so it cannot be a nonce file")]
    NoFile { path: PathBuf },
    #[error("the nonce file `{path}` is open to other users")]
    OpenToOthers { path: PathBuf },
    #[error("`{path}` is not a nonce file of this version")]
    Foreign { path: PathBuf },
}

impl NonceFileFault {
    /// What the operator can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::NoFile { .. } => {
                "name a file in a folder that this process can write: `nonce_path` in `[identity]`; or set \
                 `nonce_store = \"memory\"`: after a restart, calls that were accepted before it can be replayed then"
            }
            Self::InUse { .. } => "stop the other process, or give this one a `nonce_path` of its own in `[identity]`",
            Self::OpenToOthers { .. } => "run `chmod 600` on it, or start with `--insecure-key-file-mode`",
            Self::Foreign { .. } => "name another file: `nonce_path` in `[identity]`; or move this one away",
        }
    }
}
