//! Reads certificates and keys: of the listener, of checkpoints, and of the issuer.

use std::path::Path;

use crate::audit::{CheckpointKey, CheckpointPublicKey};
use crate::config::TlsSettings;
use crate::identity::{IssuerKeyRing, Secret};
use ram_policy::Diagnostic;

use super::file::{read_bounded, read_source};
use super::private::{FileModes, PrivateFileError, read_private, read_private_source};

/// Far above any file of certificates.
const LARGEST: u64 = 4 << 20;

/// The contents of a listener's TLS files, as of one moment.
#[derive(Debug)]
pub struct TlsFiles {
    pub certificate: Vec<u8>,
    pub key: Secret,
    pub client_ca: Option<Vec<u8>>,
}

impl TlsFiles {
    /// Whether both have the same contents.
    pub fn is(&self, other: &Self) -> bool {
        self.certificate == other.certificate && self.client_ca == other.client_ca && self.key.is(&other.key)
    }
}

/// Reads the files that `[tls]` names.
///
/// # Errors
/// A file cannot be read, or the key is accessible to other users; the text is for people.
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

/// Reads the private key that signs checkpoints.
///
/// # Errors
/// The file cannot be read, is accessible to other users, or does not contain such a key.
pub fn read_checkpoint_key(path: &Path, modes: FileModes) -> Result<CheckpointKey, Vec<Diagnostic>> {
    let source = read_private_source(path, modes).map_err(|diagnostic| vec![diagnostic])?.confidential();
    CheckpointKey::from_pem(source.text()).map_err(|error| {
        vec![source.error_without_place(error.to_string(), "create one: `ramgate key checkpoint --out FILE`")]
    })
}

/// Reads a public key that verifies checkpoints.
///
/// # Errors
/// The file cannot be read, or does not contain such a key.
pub fn read_checkpoint_public_key(path: &Path) -> Result<CheckpointPublicKey, Vec<Diagnostic>> {
    let source = read_source(path).map_err(|diagnostic| vec![diagnostic])?;
    CheckpointPublicKey::from_pem(source.text()).map_err(|error| {
        vec![source.error_without_place(error.to_string(), "name the `.pub` file that was created with the key")]
    })
}

/// Reads an issuer key file. Its text is returned too, so that a later version can be recognized as different.
///
/// # Errors
/// All diagnostics about the file.
pub fn read_issuer_keys(path: &Path, modes: FileModes) -> Result<(Secret, IssuerKeyRing), Vec<Diagnostic>> {
    let source = read_private_source(path, modes).map_err(|diagnostic| vec![diagnostic])?;
    let keys = IssuerKeyRing::read(&source)?;
    Ok((Secret::new(source.text()), keys))
}
