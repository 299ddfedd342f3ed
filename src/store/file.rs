//! One bounded text file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::source::{Complaint, Source};

/// No file that a person writes for this program is larger, but for a bundle of policies, which is many files.
const LARGEST: u64 = 16 << 20;

/// Reads a text file.
///
/// # Errors
/// A file that cannot be read, is too large, or is not UTF-8.
pub fn read_source(path: &Path) -> Result<Source, Complaint> {
    let name = path.display().to_string();
    let refuse = |title: String, help: &str| Source::new(name.as_str(), "").error_without_place(title, help);
    let bytes = read_bounded(path, LARGEST)
        .map_err(|error| refuse(format!("the file cannot be read: {error}"), "check the path and the permissions"))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name.as_str(), text)),
        Err(_) => Err(refuse("the file is not UTF-8".to_owned(), "save it as UTF-8")),
    }
}

/// # Errors
/// A file that cannot be read, or is larger than `most` bytes.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}
