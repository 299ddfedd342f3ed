//! The key of a log's tags: made when the log is begun, and kept beside it for as long as the log is.

use std::path::{Path, PathBuf};

use crate::audit::TagKey;
use crate::identity::SecretPlace;
use crate::source::{hex, unhex};
use crate::store::{FileModes, read_secret, write_private};

use super::exit::Failure;

/// The key of a log's tags, read before the log is opened and written only once it is.
pub(super) struct TagKeyFile {
    secret: [u8; 32],
    /// Where a new key is to be kept.
    unwritten: Option<PathBuf>,
}

impl TagKeyFile {
    /// Reads the key that lies beside a log, or makes one. A log that is not a regular file, a pipe for instance, has a
    /// key of its own in each run.
    pub(super) fn read(log: &Path) -> Result<Self, Failure> {
        if log.metadata().is_ok_and(|log| !log.is_file()) {
            return Ok(Self { secret: TagKey::random_secret(), unwritten: None });
        }
        let path = beside(log);
        if !path.exists() {
            return Ok(Self { secret: TagKey::random_secret(), unwritten: Some(path) });
        }
        let place = SecretPlace::File(path.clone());
        let secret = read_secret(&place, Path::new(""), FileModes::Checked).map_err(|why| Failure::new(why, HELP))?;
        let secret = from_hex(secret.expose()).ok_or_else(|| {
            Failure::new(format!("`{}` holds no key of a log: 64 hexadecimal digits", path.display()), HELP)
        })?;
        Ok(Self { secret, unwritten: None })
    }

    /// Writes a new key beside the log that was opened.
    pub(super) fn keep(self) -> TagKey {
        if let Some(path) = &self.unwritten
            // Tags are a convenience for readers of the log: a missing tag key refuses no call.
            && let Err(error) = write_private(path, &format!("{}\n", hex(&self.secret)))
        {
            tracing::warn!(%error, path = %path.display(), "the key of the audit log's tags cannot be kept: after a new start the same caller's key is tagged differently");
        }
        TagKey::new(&self.secret)
    }
}

const HELP: &str = "the audit log tells callers' keys apart with it; where it is moved away, a new one is made, and the \
                    same key is tagged differently from then on";

/// `audit.tag-key` for `audit.jsonl`; where the path is a link, it lies with the log.
fn beside(log: &Path) -> PathBuf {
    let linked = if log.is_symlink() { log.canonicalize().ok().or_else(|| named_by(log)) } else { None };
    linked.as_deref().unwrap_or(log).with_extension("tag-key")
}

/// The file that a link names and that is not there yet.
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
