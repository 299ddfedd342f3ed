//! Which certificates the gateway trusts where it is a client.

use std::path::Path;

use crate::gateway::client_tls;
use crate::store::read_bounded;

use super::error::StartError;

/// A PEM file with every root that a system trusts has a quarter of a megabyte.
const LARGEST: u64 = 4 << 20;

/// TLS towards a server: `ca_file` (PEM) replaces the system's roots. `whose` says in an error whose certificates these
/// are, and `setting` what names the file.
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

/// Certificates to trust instead of the system's, as PEM; `setting` is what names the file.
pub(crate) fn read_roots(path: &Path, setting: &str) -> Result<Vec<u8>, StartError> {
    read_bounded(path, LARGEST).map_err(|error| {
        StartError::new(format!("`{}` cannot be read: {error}", path.display()), format!("fix `{setting}`"))
    })
}
