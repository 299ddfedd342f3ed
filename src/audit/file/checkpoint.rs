//! Checkpoints: signed lines in a file beside the log, which say how far the chain reached and what its end was.
//!
//! Whoever can write the log can write it anew, chain and all; not the checkpoints, whose key lies elsewhere. Each names
//! the one before, and one is written every hour even when there was nothing to log, so that none can be left out.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use crate::envelope::json_text;

use super::super::chain::{Chain, Hash, NO_HASH, digest_of, shown};
use super::super::checkpoint_key::{CheckpointKey, CheckpointPublicKey};
use super::super::event::JournalIdentity;
use super::access::{FileAccess, open_locked};
use super::attested::Attested;
use super::found::{FileId, Found};
use super::names::{Names, sync_folder};
use super::state::Shared;
use super::tail::set_aside;

/// What is needed to write checkpoints.
#[derive(Debug)]
pub struct CheckpointSettings {
    pub key: CheckpointKey,
    /// Keys that checkpoints were signed with before this one.
    pub previous: Vec<CheckpointPublicKey>,
    pub every: Duration,
    /// Of the policies in force.
    pub policy_revision: String,
}

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
    /// The last line of the log that is covered.
    pub(super) covered: u64,
    /// When the last one was written, by the clock that is never set.
    at: Duration,
    access: FileAccess,
    pub(super) written: u64,
    /// Why the last one could not be written.
    pub(super) fault: Option<String>,
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
    /// Goes on after the last checkpoint beside the log, where that is of the log's chain.
    ///
    /// # Errors
    /// A file that cannot be opened, or that other users can write.
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
            tracing::error!("a checkpoint was torn: its bytes are now in `{}`", aside.display());
        }
        // A different chain has its own checkpoints.
        let attested = attested.filter(|attested| attested.chain == chain_id);
        let (previous, covered) = attested.map_or((NO_HASH, 0), |attested| (attested.digest, attested.last));
        sync_folder(names.folder())?;
        let (id, length) = (FileId::of(&file.metadata()?), complete as u64);
        Ok(Self { settings, path, file, id, length, previous, covered, at: elapsed, access, written: 0, fault: None })
    }

    pub(super) fn is_due(&self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(self.at) >= self.settings.every
    }

    /// Writes one for a log that stands there, on disk.
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
                tracing::error!("the checkpoints were changed from outside: {found}; they go on in a new file");
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

impl Shared {
    pub(super) fn checkpoint_if_due(&self, elapsed: Duration) {
        let due = {
            let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.is_due(elapsed))
        };
        if due {
            self.checkpoint(Kind::Hour);
        }
    }

    /// Writes a checkpoint, where any are, once the lines that it covers are on disk. One that fails is told once, and
    /// tried again with the next tick.
    pub(super) fn checkpoint(&self, kind: Kind) {
        let mut checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(checkpoints) = checkpoints.as_mut() else { return };
        let (file, chain) = {
            let state = self.lock();
            if state.bad.is_some() {
                return;
            }
            (Arc::clone(&state.file), state.written.chain)
        };
        let at = ((self.notices.now)(), (self.elapsed)());
        let written = file.sync_data().and_then(|()| checkpoints.write(kind, chain, &self.notices.identity, at));
        match written {
            Ok(()) => checkpoints.fault = None,
            Err(error) => {
                if checkpoints.fault.is_none() {
                    tracing::error!(%error, "no checkpoint could be written to `{}`", checkpoints.path().display());
                }
                checkpoints.fault = Some(error.to_string());
            }
        }
    }
}

impl Checkpoints {
    fn path(&self) -> &Path {
        &self.path
    }
}
