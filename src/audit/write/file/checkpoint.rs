//! Checkpoints: signed lines in a file beside the log. Each states how far the chain reached, and the digest of its
//! end.
//!
//! An attacker who can write the log can rewrite it, chain and all, but not the checkpoints: their key is kept
//! elsewhere. Each checkpoint names the one before, and one is written every hour even if nothing was logged, so that
//! none can be left out.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use crate::envelope::json_text;

use super::super::chain::{Chain, Hash, NO_HASH, digest_of, shown};
use super::super::draft::JournalIdentity;
use super::access::{FileAccess, open_locked};
use super::attested::Attested;
use super::found::{FileId, Found};
use super::names::{Names, sync_folder};
use super::settings::CheckpointSettings;
use super::tail::set_aside;

/// Why a checkpoint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Start,
    Hour,
    Rotation,
    Stop,
}

#[derive(Debug)]
pub(super) struct Checkpoints {
    settings: CheckpointSettings,
    path: PathBuf,
    file: File,
    id: Option<FileId>,
    length: u64,
    /// The digest of the last line.
    previous: Hash,
    /// The number of the last line that the checkpoints cover.
    pub(super) covered: u64,
    /// When the last checkpoint was written, by the monotonic clock.
    at: Duration,
    access: FileAccess,
    pub(super) written: u64,
    /// Why the last checkpoint could not be written.
    pub(super) error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint<'a> {
    chain: &'a str,
    replica: &'a str,
    at: String,
    kind: Kind,
    first: u64,
    last: u64,
    count: u64,
    last_hash: &'a str,
    previous: &'a str,
    policy_revision: &'a str,
    key_id: &'a str,
}

impl Checkpoints {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the checkpoints' file, and continues after its last checkpoint if that belongs to the log's chain.
    ///
    /// # Errors
    /// The file cannot be opened or is locked, or another user can write it.
    pub(super) fn open(
        settings: CheckpointSettings,
        names: &Names,
        access: FileAccess,
        chain_id: &str,
        attested: Option<&Attested>,
        (now, elapsed): (Timestamp, Duration),
    ) -> io::Result<Self> {
        let path = names.checkpoints();
        let mut file = open_locked(&path, access).map_err(io::Error::from)?;
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
        if complete < bytes.len() {
            let aside = names.aside("checkpoints-torn", now);
            set_aside(&file, complete as u64, &aside)?;
            tracing::error!("the last checkpoint was torn: its bytes are now in `{}`", aside.display());
        }
        // Checkpoints of another chain are not continued.
        let attested = attested.filter(|attested| attested.chain == chain_id);
        let (previous, covered) = attested.map_or((NO_HASH, 0), |attested| (attested.digest, attested.last));
        sync_folder(names.folder())?;
        let (id, length) = (FileId::of(&file.metadata()?), complete as u64);
        Ok(Self { settings, path, file, id, length, previous, covered, at: elapsed, access, written: 0, error: None })
    }

    pub(super) fn is_due(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(self.at) >= self.settings.every
    }

    /// Writes a checkpoint for lines that are on disk.
    pub(super) fn write(
        &mut self,
        kind: Kind,
        chain: Chain,
        identity: &JournalIdentity,
        (now, elapsed): (Timestamp, Duration),
    ) -> io::Result<()> {
        let found = Found::look(&self.path, self.id, self.length)?;
        match found {
            Found::Same => {}
            Found::Gone | Found::Replaced => {
                tracing::error!("the checkpoints were changed from outside: {found}; they continue in a new file");
                self.file = open_locked(&self.path, self.access).map_err(io::Error::from)?;
                let metadata = self.file.metadata()?;
                (self.id, self.length) = (FileId::of(&metadata), metadata.len());
            }
            Found::Truncated(length) | Found::Grown(length) => {
                tracing::error!("the checkpoints were changed from outside: {found}");
                self.length = length;
            }
        }
        let line = self.line(kind, chain, identity, now);
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_all());
        if written.is_err() {
            self.file.set_len(self.length)?;
        }
        written?;
        self.length += line.len() as u64;
        self.previous = digest_of(&line[..line.len() - 1]);
        (self.covered, self.at) = (chain.last(), elapsed);
        self.written += 1;
        Ok(())
    }

    fn line(&self, kind: Kind, chain: Chain, identity: &JournalIdentity, now: Timestamp) -> Vec<u8> {
        let checkpoint = Checkpoint {
            chain: &identity.chain,
            replica: &identity.replica,
            at: format!("{now:.0}"),
            kind,
            first: self.covered + 1,
            last: chain.last(),
            count: chain.last().saturating_sub(self.covered),
            last_hash: chain.previous(),
            previous: shown(&self.previous),
            policy_revision: &self.settings.policy_revision,
            key_id: self.settings.key.id(),
        };
        let checkpoint = json_text(&checkpoint);
        let signature = BASE64_STANDARD.encode(self.settings.key.sign(checkpoint.as_bytes()));
        format!("{{\"checkpoint\":{checkpoint},\"signature\":\"{signature}\"}}\n").into_bytes()
    }
}
