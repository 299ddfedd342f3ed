//! The certificates that the gateway trusts as a client.

use std::path::Path;

use crate::gateway::client_tls;
use crate::store::read_bounded;

use super::error::StartError;

/// In bytes. A PEM file with all roots of a system has about a quarter of a megabyte.
const LARGEST: u64 = 4 << 20;

/// The TLS configuration for connections to a server. `ca_file` (PEM) replaces the system's roots. Errors name the
/// owner of the certificates, `whose`, and the `setting` that names the file.
pub(super) fn client_trust(
    ca_file: Option<&Path>,
    setting: &str,
    whose: &str,
) -> Result<rustls::ClientConfig, StartError> {
    let roots = ca_file.map(|path| read_roots(path, setting)).transpose()?;
    client_tls(roots.as_deref()).map_err(|error| {
        StartError::new(format!("{whose} certificates cannot be used: {error}"), format!("fix `{setting}`"))
    })
}

/// Reads a PEM file of certificates to trust. Errors name the `setting` that names the file.
pub(crate) fn read_roots(path: &Path, setting: &str) -> Result<Vec<u8>, StartError> {
    read_bounded(path, LARGEST).map_err(|error| {
        StartError::new(format!("`{}` cannot be read: {error}", path.display()), format!("fix `{setting}`"))
    })
}
