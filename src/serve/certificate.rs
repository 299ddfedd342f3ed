//! The listener's certificate: read at startup, and again when its files change.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::TlsSettings;
use crate::gateway::{ClientCertificates, ServerTls, ServerTlsTexts, server_tls};
use crate::pdp::Directory;
use crate::store::{FileModes, TlsFiles, read_tls_files};
use ram_policy::Principal;

use super::error::StartError;
use super::reloads::Reloads;

/// The certificate in use, and the files that it came from.
pub(super) struct TlsReload {
    settings: TlsSettings,
    modes: FileModes,
    /// The last files, or the last error, so that the same error is logged only once.
    tried: Result<TlsFiles, String>,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl TlsReload {
    /// Reads the files for the first time.
    pub(super) fn start(
        settings: TlsSettings,
        modes: FileModes,
        directory: &Directory,
    ) -> Result<(Self, ServerTls), StartError> {
        let files = read_tls_files(&settings, modes)
            .map_err(|what| StartError::new(what, "fix `[tls]`, or the file that it names"))?;
        let config = config_of(&settings, &files).map_err(|why| {
            StartError::new(format!("the listener cannot use TLS: {why}"), "fix the files that `[tls]` names")
        })?;
        let principals = Arc::new(principals(&settings, directory)?);
        let (current, config) = watch::channel(Arc::new(config));
        let tls = ServerTls { config, handshake_timeout: settings.handshake_timeout, principals };
        Ok((Self { settings, modes, tried: Ok(files), current }, tls))
    }

    /// Reads the files every few seconds, and at once at each reload, until the shutdown.
    pub(super) async fn watch(self, reloads: Reloads, shutdown: CancellationToken) {
        reloads.keep_looking(self, "the certificate is", Self::look_again, shutdown).await;
    }

    /// Takes valid new files into use. If they are not valid, logs why, and the old ones stay in use. `requested` logs
    /// the result even if nothing changed.
    fn look_again(mut self, requested: bool) -> Self {
        let read = read_tls_files(&self.settings, self.modes);
        let same = match (&read, &self.tried) {
            (Ok(new), Ok(old)) => new.is(old),
            (Err(new), Err(old)) => new == old,
            _ => false,
        };
        if same && !requested {
            return self;
        }
        match read.as_ref().map_err(Clone::clone).and_then(|files| config_of(&self.settings, files)) {
            Ok(_) if same => tracing::info!("the certificate has not changed"),
            Ok(config) => {
                self.current.send_replace(Arc::new(config));
                tracing::info!("a new certificate is in use for new connections");
            }
            Err(why) => tracing::error!("the new certificate is not valid; the old one stays in use: {why}"),
        }
        self.tried = read;
        self
    }
}

/// The principal of each client certificate, by its subject.
fn principals(settings: &TlsSettings, directory: &Directory) -> Result<HashMap<String, Principal>, StartError> {
    let configured = settings.clients.iter().flat_map(|clients| &clients.principals);
    let known = configured.map(|(subject, principal)| match directory.named(principal.clone()) {
        Ok(principal) => Ok((subject.clone(), principal)),
        Err(unknown) => {
            let what = format!("the principal of the certificate `{subject}` is unknown: {unknown}");
            Err(StartError::new(what, "name a principal of the account file in `[[tls.principal]]`"))
        }
    });
    known.collect()
}

fn config_of(settings: &TlsSettings, files: &TlsFiles) -> Result<ServerConfig, String> {
    let clients = settings.clients.as_ref().zip(files.client_ca.as_deref());
    let clients = clients.map(|(clients, ca)| ClientCertificates { ca, required: clients.required });
    let texts = ServerTlsTexts { certificate: &files.certificate, key: files.key.expose().as_bytes(), clients };
    server_tls(texts).map_err(|error| error.to_string())
}
