//! The audit log as the settings describe it, opened.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::audit::{CheckpointSettings, FileSettings, FileSink, Packing, Requirement, Rotation, SyncMode};
use crate::config::{AuditSettings, AuditSync, CheckpointFile};
use crate::gateway::{LogSpace, now};
use crate::store::{FileModes, read_checkpoint_key};

use super::exit::Failure;

/// The keys of the log, read before anything is opened.
pub(super) fn read_checkpoints(
    file: &CheckpointFile,
    modes: FileModes,
    policy_revision: &str,
) -> Result<CheckpointSettings, Failure> {
    let key = read_checkpoint_key(&file.key_file, modes).map_err(Failure::Complaints)?;
    Ok(CheckpointSettings { key, every: file.every, policy_revision: policy_revision.to_owned() })
}

/// Opens the log, which begins it where there is none.
pub(super) fn open(
    audit: &AuditSettings,
    replica: &str,
    checkpoints: Option<CheckpointSettings>,
) -> Result<Arc<FileSink>, Failure> {
    let (sync, group_delay) = match audit.sync {
        AuditSync::Always => (SyncMode::Always, Duration::ZERO),
        AuditSync::Group(delay) => (SyncMode::Group, delay),
        AuditSync::None => (SyncMode::None, Duration::ZERO),
    };
    let rotation = &audit.rotation;
    let settings = FileSettings {
        sync,
        group_delay,
        requirement: if audit.required { Requirement::Required } else { Requirement::BestEffort },
        rotation: Rotation {
            size: rotation.size,
            every: rotation.every,
            keep: rotation.keep,
            keep_files: rotation.keep_files,
            packing: if rotation.compress { Packing::Gzip } else { Packing::Plain },
        },
        checkpoints,
        replica: replica.to_owned(),
        ..FileSettings::new(&audit.path, now)
    };
    let opened = FileSink::open(settings);
    opened
        .map(Arc::new)
        .map_err(|fault| Failure::new(fault.to_string(), "no attempt may go unwritten, so nothing was started"))
}

/// Ends the log when nobody writes any more: all of it is on disk then.
pub(super) async fn end(log: Arc<FileSink>) {
    if spawn_blocking(move || log.close()).await.is_err() {
        tracing::error!("the audit log was not ended in order");
    }
}

/// Where health and metrics are told.
pub(super) async fn listen_admin(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let what = format!("`{address}` cannot be listened on: {error}");
        Failure::new(what, "stop whatever holds it, or change `listen` in `[admin]`")
    })
}

/// The room that the log has.
pub(super) fn space(audit: &AuditSettings) -> Arc<LogSpace> {
    let folder = audit.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Arc::new(LogSpace::new(folder.to_owned(), audit.min_free))
}
