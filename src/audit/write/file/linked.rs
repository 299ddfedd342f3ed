//! Checkpoints beside the links that lead to a log. The log's own checkpoints are beside the file itself; but if a link
//! replaced a log, that log's checkpoints are still beside the link.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::attested::{Attested, Loss};
use super::names::{Form, Names, sync_folder};

/// The most links that the operating system follows.
const MOST_LINKS: usize = 40;

/// The checkpoints beside a link.
#[derive(Debug)]
pub(super) struct Linked {
    names: Names,
    pub(super) attested: Result<Attested, Loss>,
}

impl Linked {
    /// The checkpoints beside a path that is a link, and beside every link that it leads to.
    ///
    /// # Errors
    /// Checkpoints or a link cannot be read; the error has its path.
    pub(super) fn all(path: &Path, own: &Names) -> Result<Vec<Self>, (PathBuf, io::Error)> {
        let mut found: Vec<Self> = Vec::new();
        let mut seen = whole(&own.checkpoints()).into_iter().collect::<Vec<_>>();
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if !path.is_symlink() {
                break;
            }
            let names = Names::new(&path);
            // The operator may have linked the checkpoints too: each file counts once.
            if let Some(checkpoints) = whole(&names.checkpoints()).filter(|checkpoints| !seen.contains(checkpoints)) {
                let read = Attested::read(&checkpoints).map_err(|error| (checkpoints.clone(), error))?;
                found.extend(read.transpose().map(|attested| Self { names: names.clone(), attested }));
                seen.push(checkpoints);
            }
            let target = fs::read_link(&path).map_err(|error| (path.clone(), error))?;
            path = names.folder().join(target);
        }
        Ok(found)
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.names.checkpoints()
    }

    /// The new names of the files beside the link, for when their log is given up.
    pub(super) fn aside(&self, now: Timestamp) -> Names {
        self.names.lost(now)
    }

    /// Renames the files beside the link, its checkpoints last.
    ///
    /// # Errors
    /// A folder or file cannot be changed.
    pub(super) fn give_up(&self, lost: &Names) -> io::Result<()> {
        rename_rotated(&self.names, lost)?;
        fs::rename(self.names.checkpoints(), lost.checkpoints())?;
        sync_folder(self.names.folder())
    }
}

/// Renames the rotated files of a log that is being given up.
///
/// # Errors
/// A folder or file cannot be changed.
pub(super) fn rename_rotated(names: &Names, lost: &Names) -> io::Result<()> {
    for rotated in names.all_rotated()? {
        let mut away = lost.rotated(rotated.first, rotated.last).into_os_string();
        if rotated.form == Form::Gzip {
            away.push(".gz");
        }
        fs::rename(&rotated.path, away)?;
    }
    Ok(())
}

/// The file that a path leads to, if there is one.
fn whole(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}
