//! Writes a text: in the place of a file's, all of it or nothing; or into a new file that nobody else may read.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes beside the file first, so that whoever reads it meanwhile finds the old text or the new.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    // A link goes on being one.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| {
        if let Ok(old) = fs::metadata(&target) {
            fs::set_permissions(&beside, old.permissions())?;
        }
        fs::rename(&beside, &target)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// The same for a text that nobody else may read, whether or not there is a file yet. `mode` is the file's, on unix.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn replace_private(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = write_private(&beside, text).and_then(|()| {
        #[cfg(unix)]
        fs::set_permissions(&beside, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        fs::rename(&beside, &target)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// # Errors
/// A file that is there already, or cannot be made.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
