//! The key of a log's tags: created with the log, and kept beside it.

use std::path::{Path, PathBuf};

use crate::audit::TagKey;
use crate::identity::SecretPlace;
use crate::store::{FileModes, read_secret, write_private};
use crate::text::{hex, unhex};

use super::error::StartError;

/// The key of a log's tags. Read before the log is opened; a new key is written only after that.
pub(super) struct TagKeyFile {
    secret: [u8; 32],
    /// The path of a new key that is not written yet.
    unwritten: Option<PathBuf>,
}

impl TagKeyFile {
    /// Reads the key beside a log, or creates one. A log that is not a regular file, such as a pipe, gets a new key in
    /// each run.
    pub(super) fn read(log: &Path) -> Result<Self, StartError> {
        if log.metadata().is_ok_and(|log| !log.is_file()) {
            return Ok(Self { secret: TagKey::random_secret(), unwritten: None });
        }
        let path = beside(log);
        if !path.exists() {
            return Ok(Self { secret: TagKey::random_secret(), unwritten: Some(path) });
        }
        let place = SecretPlace::File(path.clone());
        let secret =
            read_secret(&place, Path::new(""), FileModes::Checked).map_err(|why| StartError::new(why, HELP))?;
        let secret = from_hex(secret.expose()).ok_or_else(|| {
            StartError::new(
                format!("`{}` is not a valid tag key, which is 64 hexadecimal digits", path.display()),
                HELP,
            )
        })?;
        Ok(Self { secret, unwritten: None })
    }

    /// Writes a new key beside the log, once the log is open.
    pub(super) fn keep(self) -> TagKey {
        if let Some(path) = &self.unwritten
            // Tags are a convenience for readers of the log, so a missing key does not refuse calls.
            && let Err(error) = write_private(path, &format!("{}\n", hex(&self.secret)))
        {
            tracing::warn!(%error, path = %path.display(), "the key of the audit log's tags cannot be written: after a \
                restart, the same access key is tagged differently");
        }
        TagKey::new(&self.secret)
    }
}

const HELP: &str = "the audit log tags access keys with this key; if you move it away, a new one is created, and the \
                    same access key is tagged differently from then on";

/// `audit.tag-key` for `audit.jsonl`; if the path is a link, beside the link's target.
fn beside(log: &Path) -> PathBuf {
    let linked = if log.is_symlink() { log.canonicalize().ok().or_else(|| named_by(log)) } else { None };
    linked.as_deref().unwrap_or(log).with_extension("tag-key")
}

/// The target of a link whose target does not exist yet.
fn named_by(link: &Path) -> Option<PathBuf> {
    const MOST_LINKS: usize = 8;
    let mut path = link.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = path.read_link() else { return Some(path) };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    None
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    unhex(text.to_ascii_lowercase().as_bytes(), &mut secret).map(|()| secret)
}
