//! The listener's certificate: read at the start, and again whenever its files change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::config::TlsSettings;
use crate::gateway::{ClientCertificates, ServerTls, ServerTlsTexts, server_tls};
use crate::pdp::Directory;
use crate::ram::Principal;
use crate::store::{FileModes, TlsFiles, read_tls_files};

use super::exit::Failure;
use super::hangup::Reloads;

/// How often the files are looked at. They are a few kilobytes, and no event tells of a change on every file system.
const INTERVAL: Duration = Duration::from_secs(2);

/// What is in use, and where it came from.
pub(super) struct TlsReload {
    settings: TlsSettings,
    modes: FileModes,
    /// The texts that were tried last, or why they could not be read: a fault is told once.
    tried: Result<TlsFiles, String>,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl TlsReload {
    /// Reads the files for the first time.
    pub(super) fn start(
        settings: TlsSettings,
        modes: FileModes,
        directory: &Directory,
    ) -> Result<(Self, ServerTls), Failure> {
        let files = read_tls_files(&settings, modes)
            .map_err(|what| Failure::new(what, "mend `[tls]`, or the file that it names"))?;
        let config = config_of(&settings, &files).map_err(|why| {
            Failure::new(format!("TLS cannot be offered: {why}"), "mend the files that `[tls]` names")
        })?;
        let principals = Arc::new(principals(&settings, directory)?);
        let (current, config) = watch::channel(Arc::new(config));
        let tls = ServerTls { config, handshake_timeout: settings.handshake_timeout, principals };
        Ok((Self { settings, modes, tried: Ok(files), current }, tls))
    }

    /// Looks at the files every few seconds, and at once when told by SIGHUP, until the shutdown.
    pub(super) async fn watch(mut self, mut reloads: Reloads, shutdown: CancellationToken) {
        loop {
            let asked = tokio::select! {
                () = shutdown.cancelled() => return,
                () = reloads.next() => true,
                () = tokio::time::sleep(INTERVAL) => false,
            };
            match spawn_blocking(move || self.look_again(asked)).await {
                Ok(again) => self = again,
                Err(error) => {
                    tracing::error!(%error, "the certificate is not read again until the next start");
                    return;
                }
            }
        }
    }

    /// Takes new texts that can be used; otherwise says why not, and what is in use stays so.
    fn look_again(mut self, asked: bool) -> Self {
        let read = read_tls_files(&self.settings, self.modes);
        let same = match (&read, &self.tried) {
            (Ok(new), Ok(old)) => new.is(old),
            (Err(new), Err(old)) => new == old,
            _ => false,
        };
        if same && !asked {
            return self;
        }
        match read.as_ref().map_err(Clone::clone).and_then(|files| config_of(&self.settings, files)) {
            Ok(_) if same => tracing::info!("the certificate is the one in use"),
            Ok(config) => {
                self.current.send_replace(Arc::new(config));
                tracing::info!("a new certificate is in use for new connections");
            }
            Err(why) => tracing::error!("the new certificate is not taken, the old one stays in use: {why}"),
        }
        self.tried = read;
        self
    }
}

/// Whom certificates stand for.
fn principals(settings: &TlsSettings, directory: &Directory) -> Result<HashMap<String, Principal>, Failure> {
    let written = settings.clients.iter().flat_map(|clients| &clients.principals);
    let known = written.map(|(subject, principal)| match directory.named(principal.clone()) {
        Ok(principal) => Ok((subject.clone(), principal)),
        Err(unknown) => {
            let what = format!("the certificate `{subject}` stands for nobody: {unknown}");
            Err(Failure::new(what, "name a principal of the account file in `[[tls.principal]]`"))
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
