//! Issuer key files.

use std::path::Path;

use crate::identity::{IssuerKeyRing, Secret};
use crate::source::Complaint;

use super::file::read_source;
use super::secrets::{FileModes, check_mode};

/// Reads an issuer key file; its text comes along, to be told from a later one.
///
/// # Errors
/// Every complaint about the file.
pub fn read_issuer_keys(path: &Path, modes: FileModes) -> Result<(Secret, IssuerKeyRing), Vec<Complaint>> {
    let source = read_source(path).map_err(|complaint| vec![complaint])?;
    if let Err(title) = check_mode(path, modes) {
        let help = "run `chmod 600` on it, or start with `--insecure-key-file-mode`";
        return Err(vec![source.clone().confidential().error_without_place(title, help)]);
    }
    let keys = IssuerKeyRing::read(&source)?;
    Ok((Secret::new(source.text()), keys))
}
