//! Opens and creates the files of a log: a new file exclusively and with access for its owner only, an existing file
//! only if no other user can write it, and no file through a link that another user may have planted.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The requirements on files that already exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileAccess {
    /// They must belong to this process's user or to root. Other users' access is removed, with a warning.
    #[default]
    Private,
    /// They are used as they are (`--insecure-key-file-mode`).
    AsFound,
}

/// The longest chain of links that is followed.
const MOST_LINKS: u32 = 8;

/// What the path of a log leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A regular file, existing or not, under its own name.
    File(PathBuf),
    /// A device or a pipe, which cannot be compared, truncated or renamed.
    Stream,
}

/// Creates a file that does not exist yet.
///
/// # Errors
/// The name already exists, even as a dangling link, or the folder cannot be written.
pub(super) fn make_private(path: &Path) -> io::Result<File> {
    private_file().read(true).append(true).create_new(true).open(path)
}

/// Opens a file of the log for appending, or creates it, and locks it.
///
/// # Errors
/// The path is a symbolic link or not a regular file, the file belongs to another user, its mode cannot be changed, or
/// another process has locked it.
pub(super) fn open_locked(path: &Path, access: FileAccess) -> Result<File, TryLockError> {
    let file = match open_existing(private_file().read(true).append(true), path) {
        Ok(file) => {
            let metadata = file.metadata().map_err(TryLockError::Error)?;
            if !metadata.is_file() {
                return Err(TryLockError::Error(io::Error::other("it is not a regular file")));
            }
            tighten(&file, path, access).map_err(TryLockError::Error)?;
            file
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_private(path).map_err(TryLockError::Error)?,
        Err(error) => return Err(TryLockError::Error(error)),
    };
    file.try_lock()?;
    Ok(file)
}

/// Opens what the log's path names: a file, which is locked, or a stream, which is not.
pub(super) fn open_log(path: &Path, access: FileAccess) -> Result<(File, Place), TryLockError> {
    let place = place_of(path, access, MOST_LINKS).map_err(TryLockError::Error)?;
    let file = match &place {
        Place::File(path) => open_locked(path, access)?,
        Place::Stream => OpenOptions::new().read(true).append(true).open(path).map_err(TryLockError::Error)?,
    };
    Ok((file, place))
}

fn place_of(path: &Path, access: FileAccess, links: u32) -> io::Result<Place> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let name = path.file_name().ok_or_else(|| io::Error::other("the path does not end in a file name"))?;
            return Ok(Place::File(folder.canonicalize()?.join(name)));
        }
        Err(error) => return Err(error),
    };
    if !metadata.is_symlink() {
        // Opening a folder fails later.
        let file = metadata.is_file() || metadata.is_dir();
        return if file { Ok(Place::File(path.canonicalize()?)) } else { Ok(Place::Stream) };
    }
    if access == FileAccess::Private && !owner_of(&metadata).is_trusted() {
        let (owner, own) = (owner_of(&metadata).0, own_user().0);
        let why = format!(
            "it is a link that belongs to another user ({owner}): run `chown -h {own} {}`, or name the file itself",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    match path.metadata() {
        Ok(target) if target.is_file() => Ok(Place::File(path.canonicalize()?)),
        Ok(target) if target.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(Place::Stream),
        Err(error) if error.kind() == io::ErrorKind::NotFound && links > 0 => {
            let target = fs::read_link(path)?;
            place_of(&path.parent().unwrap_or(Path::new("")).join(target), access, links - 1)
        }
        Err(error) => Err(error),
    }
}

/// Removes other users' access to a file, or says why the file cannot be used.
///
/// # Errors
/// A file of another user, or one whose mode cannot be changed.
pub(super) fn tighten(file: &File, path: &Path, access: FileAccess) -> io::Result<()> {
    let metadata = file.metadata()?;
    if access == FileAccess::AsFound || !metadata.is_file() {
        return Ok(());
    }
    check_owner(&metadata).map_err(|error| {
        let remedy = chown(&path.display().to_string());
        io::Error::new(error.kind(), format!("it {error}, who can change it: run `{remedy}`"))
    })?;
    close_to_others(file, &metadata, path)
}

/// Whether a file belongs to this process's user or to root.
///
/// # Errors
/// The file belongs to another user. The text follows the file's name.
pub fn check_owner(metadata: &fs::Metadata) -> io::Result<()> {
    let owner = owner_of(metadata);
    if owner.is_trusted() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("belongs to another user ({})", owner.0)))
}

/// The command that gives a file to the user of this process. It names the user by number: a name may not exist.
pub fn chown(file: &str) -> String {
    format!("chown {} {file}", own_user().0)
}

/// Removes other users' access to a file beside the log that is no longer written. A failure is only logged.
pub(super) fn tighten_beside(path: &Path, access: FileAccess) {
    let tightened = open_existing(OpenOptions::new().read(true), path).and_then(|file| tighten(&file, path, access));
    if let Err(error) = tightened {
        tracing::warn!(%error, "other users may be able to read or change `{}`", path.display());
    }
}

/// Creates a folder that only its owner can use; an existing one must not let another user put files into it.
///
/// # Errors
/// The folder cannot be created, belongs to another user, or its mode cannot be changed.
pub(super) fn make_private_folder(folder: &Path, access: FileAccess) -> io::Result<()> {
    if folder.is_dir() {
        return if access == FileAccess::AsFound { Ok(()) } else { close_folder(folder) };
    }
    private_folder().recursive(true).create(folder)
}

#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    use rustix::fs::OFlags;

    /// Options for a file that only its owner may read and write.
    pub fn private_file() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.mode(0o600);
        options
    }

    /// Opens an existing file; a symbolic link is an error.
    pub fn open_existing(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        options.custom_flags(flags.cast_signed()).open(path).map_err(|error| {
            let link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
            let why = || io::Error::new(io::ErrorKind::PermissionDenied, "it is a symbolic link: remove it");
            if link { why() } else { error }
        })
    }

    /// A numeric user id.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Owner(pub(super) u32);

    pub(super) fn owner_of(metadata: &Metadata) -> Owner {
        Owner(metadata.uid())
    }

    /// This process's user.
    pub(super) fn own_user() -> Owner {
        Owner(rustix::process::geteuid().as_raw())
    }

    impl Owner {
        /// Whether it is this process's user, or root.
        pub(super) fn is_trusted(self) -> bool {
            self.0 == 0 || self == own_user()
        }
    }

    pub(super) fn private_folder() -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder
    }

    /// Removes other users' right to write into a folder. They may still list it, but they cannot read its files.
    pub(super) fn close_folder(folder: &Path) -> io::Result<()> {
        let metadata = folder.metadata()?;
        let (owner, mode) = (owner_of(&metadata), metadata.permissions().mode() & 0o7777);
        if !owner.is_trusted() {
            let remedy = super::chown(&folder.display().to_string());
            let why = format!("it belongs to another user ({}): run `{remedy}`", owner.0);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        if mode & 0o022 == 0 {
            return Ok(());
        }
        std::fs::set_permissions(folder, Permissions::from_mode(mode & 0o755)).map_err(|error| {
            let why =
                format!("other users can write into it (mode {mode:04o}), and its mode cannot be changed: {error}");
            io::Error::new(io::ErrorKind::PermissionDenied, why)
        })?;
        tracing::warn!(
            "other users could write into `{}` (mode {mode:04o}): that access was removed",
            folder.display()
        );
        Ok(())
    }

    pub(super) fn close_to_others(file: &File, metadata: &Metadata, path: &Path) -> io::Result<()> {
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        file.set_permissions(Permissions::from_mode(mode & 0o700)).map_err(|error| {
            let why =
                format!("other users can read or write it (mode {mode:04o}), and its mode cannot be changed: {error}");
            io::Error::new(io::ErrorKind::PermissionDenied, why)
        })?;
        let now = mode & 0o700;
        tracing::warn!(
            "other users could read or write `{}` (mode {mode:04o}): its mode is now {now:04o}",
            path.display()
        );
        Ok(())
    }
}

#[cfg(not(unix))]
mod unix {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    pub fn private_file() -> OpenOptions {
        OpenOptions::new()
    }

    pub fn open_existing(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        options.open(path)
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Owner(pub(super) u32);

    pub(super) fn owner_of(_: &Metadata) -> Owner {
        Owner(0)
    }

    pub(super) fn own_user() -> Owner {
        Owner(0)
    }

    impl Owner {
        pub(super) fn is_trusted(self) -> bool {
            self.0 == 0
        }
    }

    pub(super) fn private_folder() -> DirBuilder {
        DirBuilder::new()
    }

    pub(super) fn close_folder(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn close_to_others(_: &File, _: &Metadata, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

use unix::{close_folder, close_to_others, own_user, owner_of, private_folder};
pub use unix::{open_existing, private_file};
