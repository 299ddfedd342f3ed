//! Certificates and private keys, in PEM files.

use std::path::Path;

use crate::config::TlsSettings;
use crate::identity::Secret;

use super::file::read_bounded;
use super::private::{FileModes, PrivateFault, read_private};

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
    let key = read_private(&settings.key, LARGEST, modes).map_err(|fault| match fault {
        PrivateFault::Unreadable { .. } => fault.to_string(),
        fault => fault.in_one_line(),
    })?;
    let key =
        String::from_utf8(key).map_err(|_| format!("`{}` is not UTF-8, so it is no PEM", settings.key.display()))?;
    Ok(TlsFiles {
        certificate: read(&settings.certificate)?,
        key: Secret::new(key),
        client_ca: settings.clients.as_ref().map(|clients| read(&clients.ca)).transpose()?,
    })
}
