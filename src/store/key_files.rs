//! Certificates and private keys, in PEM files.

use std::path::Path;

use crate::audit::{CheckpointKey, CheckpointPublicKey};
use crate::config::TlsSettings;
use crate::identity::{IssuerKeyRing, Secret};
use ram_policy::Diagnostic;

use super::file::{read_bounded, read_source};
use super::private::{FileModes, PrivateFileError, read_private, read_private_source};

/// No file of certificates is larger.
const LARGEST: u64 = 4 << 20;

/// The files of a listener's TLS, as they were at one moment.
#[derive(Debug)]
pub struct TlsFiles {
    pub certificate: Vec<u8>,
    pub key: Secret,
    pub client_ca: Option<Vec<u8>>,
}

impl TlsFiles {
    /// Whether the same texts stand in both.
    pub fn is(&self, other: &Self) -> bool {
        self.certificate == other.certificate && self.client_ca == other.client_ca && self.key.is(&other.key)
    }
}

/// # Errors
/// Which file cannot be read or is open to others, and why, in words.
pub fn read_tls_files(settings: &TlsSettings, modes: FileModes) -> Result<TlsFiles, String> {
    let read = |path: &Path| {
        read_bounded(path, LARGEST).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
    };
    let key = read_private(&settings.key, LARGEST, modes).map_err(|error| match error {
        PrivateFileError::Unreadable { .. } => error.to_string(),
        error => error.in_one_line(),
    })?;
    let key = String::from_utf8(key)
        .map_err(|_| format!("`{}` is not UTF-8, so it is not a PEM file", settings.key.display()))?;
    Ok(TlsFiles {
        certificate: read(&settings.certificate)?,
        key: Secret::new(key),
        client_ca: settings.clients.as_ref().map(|clients| read(&clients.ca)).transpose()?,
    })
}

/// # Errors
/// A file that cannot be read, that others can read, or that holds no such key.
pub fn read_checkpoint_key(path: &Path, modes: FileModes) -> Result<CheckpointKey, Vec<Diagnostic>> {
    let source = read_private_source(path, modes).map_err(|diagnostic| vec![diagnostic])?.confidential();
    CheckpointKey::from_pem(source.text()).map_err(|error| {
        vec![source.error_without_place(error.to_string(), "create one: `ramgate key checkpoint --out FILE`")]
    })
}

/// # Errors
/// A file that cannot be read, or that holds no such key.
pub fn read_checkpoint_public_key(path: &Path) -> Result<CheckpointPublicKey, Vec<Diagnostic>> {
    let source = read_source(path).map_err(|diagnostic| vec![diagnostic])?;
    CheckpointPublicKey::from_pem(source.text()).map_err(|error| {
        vec![
            source
                .error_without_place(error.to_string(), "give the file that ends in `.pub`: it was made with the key"),
        ]
    })
}

/// Reads an issuer key file; its text comes along, to be told from a later one.
///
/// # Errors
/// Every diagnostic about the file.
pub fn read_issuer_keys(path: &Path, modes: FileModes) -> Result<(Secret, IssuerKeyRing), Vec<Diagnostic>> {
    let source = read_private_source(path, modes).map_err(|diagnostic| vec![diagnostic])?;
    let keys = IssuerKeyRing::read(&source)?;
    Ok((Secret::new(source.text()), keys))
}
