//! Compares the log with its last checkpoint at the start, before any line is added.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::chain::{Hash, digest_of, shown};
use super::access::open_existing;
use super::lines::{line_of_file, line_of_rotated};
use super::names::Names;
use super::settings::CheckpointSettings;
use super::tail::{ChainEnd, read_first};

/// The last checkpoint beside a log.
#[derive(Debug)]
pub(super) struct Attested {
    pub(super) chain: String,
    /// The number of the last line that it covers, and that line's digest.
    pub(super) last: u64,
    pub(super) last_hash: String,
    pub(super) at: Option<Timestamp>,
    /// The digest of the checkpoint's own line.
    pub(super) digest: Hash,
    key_id: String,
    signed: String,
    signature: Vec<u8>,
}

/// How the log differs from its last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The log is empty although checkpoints attest to lines.
    Gone { covered: u64 },
    /// The log ends before the last covered line.
    Short { last: u64, covered: u64 },
    /// The line with the signed number has another digest.
    Other { covered: u64 },
    /// The log's lines belong to another chain.
    OtherChain { covered: u64 },
    /// The last line of the checkpoints' file is not a checkpoint.
    Unreadable,
    /// The checkpoint's signature does not verify.
    Signature,
    /// The checkpoint was signed with a key that is neither in use nor configured as an earlier one.
    UnknownKey { key_id: String },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone { covered } => write!(f, "is missing or empty, but it was signed up to line {covered}"),
            Self::Short { last, covered } => {
                write!(f, "does not reach line {covered}, up to which it was signed: it ends with line {last}")
            }
            Self::Other { covered } => write!(f, "has a line {covered} that differs from the signed one"),
            Self::OtherChain { covered } => {
                write!(f, "is not the chain that was signed up to line {covered}")
            }
            Self::Unreadable => f.write_str("cannot be checked: its last checkpoint is damaged"),
            Self::Signature => f.write_str("cannot be trusted: the signature of its last checkpoint does not verify"),
            Self::UnknownKey { key_id } => write!(
                f,
                "cannot be checked: its last checkpoint was signed with the key `{}`, which is neither the key in use \
                 nor one of `previous_keys`",
                key_id.escape_default()
            ),
        }
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    checkpoint: &'a RawValue,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Covered {
    chain: String,
    last: u64,
    last_hash: String,
    at: String,
    key_id: String,
}

impl Attested {
    /// Reads the last complete checkpoint line; `None` if there is no file or no line.
    ///
    /// # Errors
    /// The file cannot be read. A last line that is not a checkpoint is a loss, not an error.
    pub(super) fn read(path: &Path) -> io::Result<Result<Option<Self>, Loss>> {
        let mut bytes = Vec::new();
        match open_existing(OpenOptions::new().read(true), path) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
            Err(error) => return Err(error),
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
        let last = bytes[..whole].split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        Ok(last.map(|line| Self::of(line).ok_or(Loss::Unreadable)).transpose())
    }

    fn of(line: &[u8]) -> Option<Self> {
        let Line { checkpoint, signature } = serde_json::from_slice(line).ok()?;
        let covered: Covered = serde_json::from_str(checkpoint.get()).ok()?;
        Some(Self {
            chain: covered.chain,
            last: covered.last,
            last_hash: covered.last_hash,
            at: covered.at.parse().ok(),
            digest: digest_of(line),
            key_id: covered.key_id,
            signed: checkpoint.get().to_owned(),
            // A signature that is not valid Base64 does not verify.
            signature: BASE64_STANDARD.decode(signature).unwrap_or_default(),
        })
    }

    /// Verifies the signature with the known keys. `None` if it is valid.
    pub(super) fn verify(&self, settings: &CheckpointSettings) -> Option<Loss> {
        let own = settings.key.public();
        let Some(key) = std::iter::once(&own).chain(&settings.previous).find(|key| key.id() == self.key_id) else {
            return Some(Loss::UnknownKey { key_id: self.key_id.clone() });
        };
        (!key.verifies(self.signed.as_bytes(), &self.signature)).then_some(Loss::Signature)
    }

    /// Compares the checkpoint with the end of the log's chain and with the current file, of that length. `None` if
    /// they agree.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn compare(
        &self,
        end: Option<&ChainEnd>,
        names: &Names,
        file: &File,
        length: u64,
    ) -> io::Result<Option<Loss>> {
        let covered = self.last;
        if covered == 0 {
            return Ok(None);
        }
        let Some(end) = end else { return Ok(Some(Loss::Gone { covered })) };
        if end.name.as_ref().is_some_and(|name| *name != self.chain) {
            return Ok(Some(Loss::OtherChain { covered }));
        }
        let last = end.chain.last();
        if last < covered {
            return Ok(Some(Loss::Short { last, covered }));
        }
        let found =
            if last == covered { Some(end.chain.previous().to_owned()) } else { self.digest_in(names, file, length)? };
        // If the line was removed with its file, or moved elsewhere, it cannot be checked.
        Ok(found.filter(|found| *found != self.last_hash).map(|_| Loss::Other { covered }))
    }

    /// The digest of the covered line, read from the files.
    fn digest_in(&self, names: &Names, file: &File, length: u64) -> io::Result<Option<String>> {
        let digest = |line: Vec<u8>| shown(&digest_of(&line)).to_owned();
        let first = if length > 0 { read_first(file)? } else { None };
        match first {
            Some(first) if first.seq <= self.last => Ok(line_of_file(file, length, self.last)?.map(digest)),
            Some(first) if first.seq == self.last + 1 => Ok(Some(first.prev)),
            _ => {
                let files = names.all_rotated()?;
                let holds = files.iter().find(|file| (file.first..=file.last).contains(&self.last));
                Ok(holds.map(|file| line_of_rotated(file, self.last)).transpose()?.flatten().map(digest))
            }
        }
    }
}
