//! Opens the memory of nonces, with which the gateway refuses replayed calls.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::audit::{FileSink, LogPast};
use crate::config::{NonceStore, Settings};
use crate::gateway::{now, steady};
use crate::identity::{InMemoryNonces, NonceMemory};
use crate::store::{FileModes, FileNonces, NonceFileSettings};

use super::audit_log;
use super::error::StartError;

/// The memory of nonces, and its files if it has any.
pub(super) struct Nonces {
    pub(super) memory: Arc<dyn NonceMemory>,
    pub(super) files: Option<Arc<FileNonces>>,
}

/// How long callers' keys live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyLife {
    /// They outlive the process, so a call could be replayed after a restart.
    Lasting,
    /// They end with the process.
    OneRun,
}

/// Opens the memory. Nonces on disk are written along with the log.
pub(super) fn open(settings: &Settings, life: KeyLife, modes: FileModes, log: &FileSink) -> Result<Nonces, StartError> {
    let limits = settings.identity.nonces;
    let path = match &settings.identity.nonce_store {
        NonceStore::File(path) if life == KeyLife::Lasting => path.clone(),
        NonceStore::Memory if life == KeyLife::Lasting => {
            tracing::warn!(
                "`nonce_store = \"memory\"`: replay protection ends with this process; after a restart, a call that \
                 was accepted in the last half hour can be replayed"
            );
            return Ok(in_memory(settings));
        }
        NonceStore::File(_) | NonceStore::Memory => return Ok(in_memory(settings)),
    };
    let path = path.map_or_else(|| beside_the_log(settings, log), Ok)?;
    if settings.replica.is_some() {
        tracing::warn!(
            path = %path.display(),
            "nonces are remembered by this replica alone: a call that another replica accepted can be replayed here"
        );
    }
    let best_effort = !settings.audit.required;
    let settings = NonceFileSettings { path, limits, modes, best_effort, now, steady };
    let files = FileNonces::open(&settings, log).map_err(|error| StartError::new(error.to_string(), error.help()))?;
    let files = Arc::new(files);
    log.write_ahead(Arc::<FileNonces>::clone(&files));
    Ok(Nonces { memory: Arc::<FileNonces>::clone(&files), files: Some(files) })
}

fn in_memory(settings: &Settings) -> Nonces {
    Nonces { memory: Arc::new(InMemoryNonces::new(settings.identity.nonces, steady)), files: None }
}

fn beside_the_log(settings: &Settings, log: &FileSink) -> Result<PathBuf, StartError> {
    let path = &settings.audit.path;
    if *log.past() == LogPast::Device {
        let what =
            format!("the audit log `{}` is not a regular file, so nonces cannot be kept beside it", path.display());
        let help = "set `nonce_path` in `[identity]` to a file that outlives a restart; or set `nonce_store = \
                    \"memory\"`, which allows calls to be replayed after a restart";
        return Err(StartError::new(what, help));
    }
    Ok(path.with_extension("nonces"))
}

/// Closes the log and then the nonces, after the last call has finished. Both are completely on disk afterwards.
pub(super) async fn end(log: Arc<FileSink>, nonces: Option<Arc<FileNonces>>) {
    audit_log::end(Arc::clone(&log)).await;
    let Some(nonces) = nonces else { return };
    if spawn_blocking(move || nonces.close(log.last_line())).await.is_err() {
        tracing::error!("the nonce files were not closed properly");
    }
}
