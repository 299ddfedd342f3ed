//! Reads files up to a maximum length.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ram_policy::{Diagnostic, Source};

/// Far above any file that a person writes for this program.
pub(super) const LARGEST: u64 = 16 << 20;

/// Reads a text file.
///
/// # Errors
/// The file cannot be read, is too large, or is not UTF-8.
pub fn read_source(path: &Path) -> Result<Source, Diagnostic> {
    let bytes = read_bounded(path, LARGEST).map_err(|error| {
        let source = Source::new(path.display().to_string(), "");
        source.error_without_place(format!("the file cannot be read: {error}"), "check the path and the permissions")
    })?;
    source_of(path, bytes)
}

/// Makes a source from the bytes that were read from `path`.
pub(super) fn source_of(path: &Path, bytes: Vec<u8>) -> Result<Source, Diagnostic> {
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(_) => Err(Source::new(name, "").error_without_place("the file is not UTF-8", "save it as UTF-8")),
    }
}

/// Reads a whole file of up to `most` bytes.
///
/// # Errors
/// The file cannot be read, or is larger.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_opened(File::open(path)?, most)
}

/// Reads an open file of up to `most` bytes.
pub(super) fn read_opened(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}
