//! Issuer key files.

use std::path::Path;

use crate::identity::{IssuerKeyRing, Secret};
use crate::source::Complaint;

use super::private::{FileModes, read_private_source};

/// Reads an issuer key file; its text comes along, to be told from a later one.
///
/// # Errors
/// Every complaint about the file.
pub fn read_issuer_keys(path: &Path, modes: FileModes) -> Result<(Secret, IssuerKeyRing), Vec<Complaint>> {
    let source = read_private_source(path, modes).map_err(|complaint| vec![complaint])?;
    let keys = IssuerKeyRing::read(&source)?;
    Ok((Secret::new(source.text()), keys))
}
