//! Writes files: replaces a file's content atomically, or creates a file that no other user may read.
//!
//! Every write goes to a new file that is created exclusively, so that no existing file or link is ever written to. A
//! replaced file is first created under an unpredictable name.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::audit::private_file;
use crate::text::hex;

/// Replaces a file's content. Writes a new file and renames it, so that a reader sees the old text or the new one.
///
/// # Errors
/// The folder or file cannot be written.
pub fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    // A link is kept: its target is replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let permissions = fs::metadata(&target).ok().map(|old| old.permissions());
    let (beside, file) = new_beside(&target, Access::Umask)?;
    let written = fill(&file, text).and_then(|()| permissions.map_or(Ok(()), |old| file.set_permissions(old)));
    put_in_place(&beside, &target, written)
}

/// Creates or replaces a file with private content. `mode` is the file's final mode, on Unix.
///
/// # Errors
/// The folder or file cannot be written, or the path is a link, whose target may belong to another user.
pub fn replace_private(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if path.is_symlink() {
        return Err(io::Error::other(
            "it is a symbolic link, and links are not followed: name the file that it points to",
        ));
    }
    let (beside, file) = new_beside(path, Access::OwnerOnly)?;
    let written = fill(&file, text);
    #[cfg(unix)]
    let written = written.and_then(|()| file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode)));
    #[cfg(not(unix))]
    let _ = mode;
    put_in_place(&beside, path, written)
}

/// Writes a new file that only its owner may read.
///
/// # Errors
/// The path exists already, even as a link, or cannot be written. An incomplete file is removed.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let file = create(path, Access::OwnerOnly)?;
    fill(&file, text).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Writes two new files that only their owner may read, or neither.
///
/// # Errors
/// The path that could not be written, and the reason.
pub fn write_private_pair<'a>(first: (&'a Path, &str), second: (&'a Path, &str)) -> Result<(), (&'a Path, io::Error)> {
    write_private(first.0, first.1).map_err(|error| (first.0, error))?;
    write_private(second.0, second.1).map_err(|error| {
        let _ = fs::remove_file(first.0);
        (second.0, error)
    })
}

/// Who may read a new file.
#[derive(Clone, Copy)]
enum Access {
    OwnerOnly,
    /// According to the process's umask.
    Umask,
}

/// Creates a file exclusively: the system follows no link and opens no existing file.
fn create(path: &Path, access: Access) -> io::Result<File> {
    let mut options = match access {
        Access::OwnerOnly => private_file(),
        Access::Umask => fs::OpenOptions::new(),
    };
    options.write(true).create_new(true).open(path)
}

fn new_beside(target: &Path, access: Access) -> io::Result<(PathBuf, File)> {
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("the system provides no random bytes"))?;
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}.new", hex(&random)));
    let beside = target.with_file_name(name);
    let file = create(&beside, access)?;
    Ok((beside, file))
}

fn fill(mut file: &File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())
}

fn put_in_place(beside: &Path, target: &Path, written: io::Result<()>) -> io::Result<()> {
    written.and_then(|()| fs::rename(beside, target)).inspect_err(|_| {
        let _ = fs::remove_file(beside);
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_private_file_is_new_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, link, absent) =
            (folder.path().join("victim"), folder.path().join("link"), folder.path().join("absent"));
        fs::write(&victim, "theirs").unwrap();
        symlink(&victim, &link).unwrap();
        for path in [&victim, &link] {
            assert_eq!(write_private(path, "secret").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
        let dangling = folder.path().join("dangling");
        symlink(&absent, &dangling).unwrap();
        assert!(write_private(&dangling, "secret").is_err() && !absent.exists());
        assert!(replace_private(&link, "secret", 0o640).is_err());
        assert_eq!(fs::read_to_string(&victim).unwrap(), "theirs");
        assert_eq!(write_private_pair((&absent, "a"), (&victim, "b")).unwrap_err().0, victim);
        assert!(!absent.exists(), "both or neither");
        write_private(&absent, "secret").unwrap();
        assert_eq!(fs::metadata(&absent).unwrap().mode() & 0o777, 0o600);
        replace_private(&absent, "another", 0o640).unwrap();
        assert_eq!(fs::metadata(&absent).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&absent).unwrap(), "another");
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o604)).unwrap();
        symlink(&file, &link).unwrap();
        replace_file(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o604);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    }
}
