//! Opens the audit log and its secondary sinks as the settings describe.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::audit::{
    CheckpointSettings, Clocks, FileAccess, FileSettings, FileSink, Loss, OpenError, Packing, Requirement, Rotation,
    SecondarySink, Spool, StdoutSink, SyncMode,
};
use crate::config::{AuditSettings, AuditSync, HttpSettings};
use crate::gateway::{LogExporter, LogSpace, ParcelEncoding, now, steady};
use crate::store::{FileModes, free_space, read_checkpoint_key, read_checkpoint_public_key, read_secret};

use super::error::StartError;
use super::trust::client_trust;

/// The keys and the exporter of the log, read before anything is opened.
pub(super) struct LogParts {
    access: FileAccess,
    checkpoints: Option<CheckpointSettings>,
    exporter: Option<LogExporter>,
}

/// The log, and the exporter that sends it to a collector.
pub(super) struct Opened {
    pub(super) log: Arc<FileSink>,
    pub(super) exporter: Option<(LogExporter, Arc<Spool>)>,
}

impl LogParts {
    pub(super) fn read(audit: &AuditSettings, modes: FileModes, policy_revision: &str) -> Result<Self, StartError> {
        if leads_to_stdout(&audit.path) {
            let what =
                format!("the audit log `{}` is standard output, which cannot be the only log", audit.path.display());
            let help = "name a file in `[audit] path`, and add the section `[audit.stdout]`, which writes the same \
                        lines to standard output";
            return Err(StartError::new(what, help));
        }
        let checkpoints = audit.checkpoint.as_ref().map(|file| {
            let key = read_checkpoint_key(&file.key_file, modes).map_err(StartError::Diagnostics)?;
            let previous = file.previous_keys.iter().map(|path| read_checkpoint_public_key(path));
            let previous = previous.collect::<Result<_, _>>().map_err(StartError::Diagnostics)?;
            let policy_revision = policy_revision.to_owned();
            Ok::<_, StartError>(CheckpointSettings { key, previous, every: file.every, policy_revision })
        });
        let access = match modes {
            FileModes::Checked => FileAccess::Private,
            FileModes::Ignored => FileAccess::AsFound,
        };
        let exporter = audit.http.as_ref().map(|http| exporter(http, modes));
        Ok(Self { access, checkpoints: checkpoints.transpose()?, exporter: exporter.transpose()? })
    }
}

fn exporter(http: &HttpSettings, modes: FileModes) -> Result<LogExporter, StartError> {
    let tls = client_trust(http.ca_file.as_deref(), "audit.http.ca_file", "the collector's")?;
    let cannot =
        |why: String| StartError::new(format!("`[audit.http]`: {why}"), "fix its `url`, and the content of its token");
    let token = http.token.as_ref().map(|place| read_secret(place, Path::new(""), modes)).transpose();
    let token = token.map_err(|why| {
        StartError::new(
            format!("`[audit.http]`: the token cannot be read: {why}"),
            "give the collector's bearer token in `token_file`, `token_env` or `token_command`",
        )
    })?;
    let encoding = if http.gzip { ParcelEncoding::Gzip } else { ParcelEncoding::Plain };
    LogExporter::new(&http.url, token.as_ref(), encoding, tls).map_err(cannot)
}

/// Whether a path is one of the names of standard output, or a link to one.
fn leads_to_stdout(path: &Path) -> bool {
    const NAMES: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
    const MOST_LINKS: usize = 8;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if NAMES.iter().any(|name| path == Path::new(name)) {
            return true;
        }
        let Ok(target) = path.read_link() else { return false };
        path = path.parent().map_or_else(PathBuf::new, Path::to_owned).join(target);
    }
    false
}

fn requirement(required: bool) -> Requirement {
    if required { Requirement::Required } else { Requirement::BestEffort }
}

/// Opens or creates the log.
pub(super) fn open(
    audit: &AuditSettings,
    replica: &str,
    LogParts { access, checkpoints, exporter }: LogParts,
) -> Result<Opened, StartError> {
    let mut secondary: Vec<Arc<dyn SecondarySink>> = Vec::new();
    if let Some(stdout) = audit.stdout {
        let sink = StdoutSink::new(requirement(stdout.required));
        let sink = sink.map_err(|error| {
            StartError::new(format!("cannot start a thread: {error}"), "raise the limit of threads")
        })?;
        secondary.push(Arc::new(sink));
    }
    let mut shipped = None;
    if let Some((exporter, http)) = exporter.zip(audit.http.as_ref()) {
        let spool =
            Spool::open(&http.spool, http.spool_bytes, requirement(http.required), access).map_err(|error| {
                let what = format!("the spool `{}` cannot be opened: {error}", http.spool.display());
                StartError::new(what, "name a writable folder in `[audit.http] spool`")
            })?;
        let spool = Arc::new(spool);
        secondary.push(Arc::<Spool>::clone(&spool));
        shipped = Some((exporter, spool));
    }
    let (sync, group_delay) = match audit.sync {
        AuditSync::Always => (SyncMode::Always, Duration::ZERO),
        AuditSync::Group(delay) => (SyncMode::Group, delay),
        AuditSync::None => (SyncMode::None, Duration::ZERO),
    };
    let rotation = &audit.rotation;
    let settings = FileSettings {
        sync,
        group_delay,
        requirement: requirement(audit.required),
        rotation: Rotation {
            size: rotation.size,
            every: rotation.every,
            keep: rotation.keep,
            keep_files: rotation.keep_files,
            packing: if rotation.compress { Packing::Gzip } else { Packing::Plain },
        },
        min_free: audit.min_free,
        free_space,
        access,
        accept_lost: audit.accept_lost.clone(),
        checkpoints,
        secondary,
        replica: replica.to_owned(),
        ..FileSettings::new(&audit.path, Clocks { now, elapsed: steady })
    };
    let opened = FileSink::open(settings);
    opened
        .map(|log| Opened { log: Arc::new(log), exporter: shipped })
        .map_err(|error| StartError::new(error.to_string(), help_for(&error)))
}

fn help_for(error: &OpenError) -> String {
    let help = match error {
        OpenError::Io { path, error } if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
            if let Some(folder) = folder {
                return format!("run `mkdir -p {}` as the gateway's user, or `chown` it afterwards", folder.display());
            }
            "every attempt must be logged, so nothing was started"
        }
        OpenError::Lost { loss: Loss::UnknownKey { .. }, .. } => {
            "if the key was changed, name the old public key: `[audit.checkpoint] previous_keys = [\"FILE.pub\"]`; \
             otherwise treat the log as changed, and see `--accept-lost-log` in `ramgate serve --help`"
        }
        OpenError::Lost { .. } => {
            "find out who changed the log, and restore the missing lines; or start once with `--accept-lost-log \
             REASON`, which keeps the remaining log under another name and begins a new chain with the reason"
        }
        _ => "every attempt must be logged, so nothing was started",
    };
    help.to_owned()
}

/// Closes the log after its last writer has finished. All of it is on disk afterwards.
pub(super) async fn end(log: Arc<FileSink>) {
    if spawn_blocking(move || log.close()).await.is_err() {
        tracing::error!("the audit log was not closed properly");
    }
}

/// The free space of the log's file system.
pub(super) fn space(audit: &AuditSettings) -> Arc<LogSpace> {
    // A link's target may be on another file system; a device cannot be full.
    let path = audit.path.canonicalize().unwrap_or_else(|_| audit.path.clone());
    let least = (!path.metadata().is_ok_and(|log| !log.is_file())).then_some(audit.min_free);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Arc::new(LogSpace::new(folder.to_owned(), least))
}
