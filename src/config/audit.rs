//! `[audit]`: when a line counts as written, and how the log's files are rotated, kept and attested.

use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::audit_sinks::{HttpSettings, RawHttp, RawStdout, StdoutSettings};
use super::reader::Reader;
use super::{byte_size, duration};

#[derive(Clone, Debug)]
pub struct AuditSettings {
    pub path: PathBuf,
    /// Whether a call is refused when its line cannot be written.
    pub required: bool,
    pub sync: AuditSync,
    /// Lines a minute for refused attempts of unknown callers, of all sources together.
    pub unauthenticated_total: u32,
    pub rotation: RotationSettings,
    /// Free bytes on the log's file system that are reserved for permits. Below that, refusals are only counted.
    pub min_free: u64,
    /// The operator's reason to give up a log that contradicts its checkpoints. A flag sets it, for one start.
    pub accept_lost: Option<String>,
    pub checkpoint: Option<CheckpointFile>,
    pub stdout: Option<StdoutSettings>,
    pub http: Option<HttpSettings>,
}

/// When a line counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditSync {
    /// On disk.
    Always,
    /// Handed to the operating system, and synced to disk within this time.
    Group(Duration),
    /// Handed to the operating system.
    None,
}

/// When the log begins a new file, and how long old files are kept. By default there is one file, never rotated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotationSettings {
    /// The size in bytes at which a new file begins.
    pub size: Option<u64>,
    pub every: Option<Duration>,
    pub keep: Option<Duration>,
    pub keep_files: Option<usize>,
    pub compress: bool,
}

/// The key that signs checkpoints, and how often one is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFile {
    pub key_file: PathBuf,
    /// Public keys of earlier checkpoints, if the key was changed.
    pub previous_keys: Vec<PathBuf>,
    pub every: Duration,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawAudit {
    path: Option<PathBuf>,
    required: Option<bool>,
    sync: Option<Spanned<RawSync>>,
    group_delay: Option<Spanned<duration::RawDuration>>,
    /// The old name of `[limits.source] refused_lines`.
    pub(super) unauthenticated_per_peer: Option<Spanned<u32>>,
    unauthenticated_total: Option<Spanned<u32>>,
    rotate_size: Option<Spanned<byte_size::RawSize>>,
    rotate_every: Option<Spanned<duration::RawDuration>>,
    keep: Option<Spanned<duration::RawDuration>>,
    keep_files: Option<Spanned<usize>>,
    compress: Option<Spanned<bool>>,
    min_free: Option<byte_size::RawSize>,
    checkpoint: Option<Spanned<RawCheckpoint>>,
    stdout: Option<RawStdout>,
    http: Option<Spanned<RawHttp>>,
}

#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawSync {
    Always,
    Group,
    None,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheckpoint {
    key_file: PathBuf,
    #[serde(default)]
    previous_keys: Vec<PathBuf>,
    every: Option<Spanned<duration::RawDuration>>,
}

const GROUP_DELAY: Duration = Duration::from_millis(5);
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// Smaller files would fill the folder with rotations.
const SMALLEST_FILE: u64 = 64 << 10;
/// Room for the lines of some ten thousand permitted calls.
const MIN_FREE: u64 = 64 << 20;
const SHORTEST_AGE: Duration = Duration::from_secs(60);
const CHECKPOINT_EVERY: Duration = Duration::from_secs(3600);

impl AuditSettings {
    pub(super) fn demo() -> Self {
        Self {
            path: "audit.jsonl".into(),
            required: true,
            sync: AuditSync::Always,
            unauthenticated_total: 6000,
            rotation: RotationSettings::default(),
            min_free: MIN_FREE,
            accept_lost: None,
            checkpoint: None,
            stdout: None,
            http: None,
        }
    }
}

impl Reader<'_> {
    pub(super) fn audit(&mut self, mut raw: RawAudit, defaults: AuditSettings) -> AuditSettings {
        let checkpoint = raw.checkpoint.take().map(Spanned::into_inner).map(|checkpoint| {
            let every = checkpoint.every.map_or(CHECKPOINT_EVERY, |every| {
                let at_least = "give `1m` or more: each checkpoint costs a signature and a disk sync";
                self.not_below(&every, SHORTEST_AGE, "`every` is too short", at_least)
            });
            let previous_keys = checkpoint.previous_keys.iter().map(|path| self.folder.join(path)).collect();
            CheckpointFile { key_file: self.folder.join(checkpoint.key_file), previous_keys, every }
        });
        AuditSettings {
            sync: self.sync(&raw, defaults.sync),
            rotation: self.rotation(&raw, checkpoint.is_some()),
            path: self.folder.join(raw.path.unwrap_or(defaults.path)),
            required: raw.required.unwrap_or(defaults.required),
            unauthenticated_total: self
                .unauthenticated_total(raw.unauthenticated_total, defaults.unauthenticated_total),
            min_free: raw.min_free.map_or(defaults.min_free, |size| size.0),
            accept_lost: defaults.accept_lost,
            checkpoint,
            stdout: raw.stdout.map(StdoutSettings::from),
            http: raw.http.map(|http| self.audit_http(http)),
        }
    }

    fn unauthenticated_total(&mut self, raw: Option<Spanned<u32>>, default: u32) -> u32 {
        let Some(raw) = raw else { return default };
        if *raw.get_ref() == 0 {
            let title = "`unauthenticated_total = 0`: attempts of unknown callers would never be logged";
            self.report(raw.span(), title, "give 1 or more; attempts beyond it are only counted");
        }
        raw.into_inner()
    }

    fn sync(&mut self, raw: &RawAudit, default: AuditSync) -> AuditSync {
        let sync = raw.sync.as_ref().map(|sync| *sync.get_ref());
        if let Some(delay) = raw.group_delay.as_ref().filter(|_| sync != Some(RawSync::Group)) {
            let title = "`group_delay` is set without `sync = \"group\"`";
            self.report(delay.span(), title, "set `sync = \"group\"`, or remove it");
        }
        match sync {
            None => default,
            Some(RawSync::Always) => AuditSync::Always,
            Some(RawSync::None) => AuditSync::None,
            Some(RawSync::Group) => AuditSync::Group(raw.group_delay.as_ref().map_or(GROUP_DELAY, |delay| {
                if delay.get_ref().0 > LONGEST_DELAY {
                    let title = "`group_delay` is too long: a crash of the machine loses that much of the log";
                    self.report(delay.span(), title, "give `1s` or less");
                }
                delay.get_ref().0
            })),
        }
    }

    fn rotation(&mut self, raw: &RawAudit, checkpoints: bool) -> RotationSettings {
        let size = raw.rotate_size.as_ref().map(|size| {
            if size.get_ref().0 < SMALLEST_FILE {
                self.report(size.span(), "`rotate_size` is too small", "give `64KiB` or more");
            }
            size.get_ref().0
        });
        let every = raw
            .rotate_every
            .as_ref()
            .map(|every| self.not_below(every, SHORTEST_AGE, "`rotate_every` is too short", "give `1m` or more"));
        let rotated = [
            ("keep", raw.keep.as_ref().map(Spanned::span)),
            ("keep_files", raw.keep_files.as_ref().map(Spanned::span)),
            ("compress", raw.compress.as_ref().filter(|compress| *compress.get_ref()).map(Spanned::span)),
        ];
        for (name, span) in rotated.into_iter().filter_map(|(name, span)| Some((name, span?))) {
            if size.is_none() && every.is_none() {
                let title = format!("`{name}` applies to rotated files, but the log is never rotated");
                self.report(span, &title, "set `rotate_size` or `rotate_every`, or remove it");
            } else if name != "compress" && !checkpoints {
                let title = format!("`{name}` removes files, but no checkpoint would attest to their lines");
                self.report(span, &title, "add `[audit.checkpoint]` with a key: see `ramgate key checkpoint`");
            }
        }
        if let Some(files) = raw.keep_files.as_ref().filter(|files| *files.get_ref() == 0) {
            self.report(files.span(), "`keep_files` must be at least 1", "give 1 or more");
        }
        RotationSettings {
            size,
            every,
            keep: raw.keep.as_ref().map(|keep| keep.get_ref().0),
            keep_files: raw.keep_files.as_ref().map(|files| *files.get_ref()),
            compress: raw.compress.as_ref().is_some_and(|compress| *compress.get_ref()),
        }
    }

    fn not_below(
        &mut self,
        raw: &Spanned<duration::RawDuration>,
        least: Duration,
        title: &str,
        help: &str,
    ) -> Duration {
        if raw.get_ref().0 < least {
            self.report(raw.span(), title, help);
        }
        raw.get_ref().0
    }
}
