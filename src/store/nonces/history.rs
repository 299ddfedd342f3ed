//! Reads the files of earlier processes, and judges whether they are complete.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::audit::{AllowedAfter, FileSink, LogPast};
use crate::identity::{DigestKey, NonceTable, NonceUse};

use super::super::file::read_bounded;
use super::super::private::FileModes;
use super::files::{Names, NonceFileError};
use super::frame::{Kind, Origin, Snapshot, Stamp, take, take_uses};

/// Far above any file that this store writes.
const LARGEST: u64 = 1 << 30;
/// How far the stamps of a file may be ahead of this clock.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// Why the files may not hold every accepted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HistoryGap {
    #[error("they are missing, although the audit log was written recently")]
    Missing,
    #[error("a part of them is missing or damaged")]
    Damaged,
    #[error("they belong to another audit log")]
    OtherLog,
    #[error("they end before the audit log does: they were truncated or restored from a backup")]
    Behind,
    #[error("they are dated in the future: the clock was set back, or they come from elsewhere")]
    Future,
    #[error("the machine stopped before they were complete")]
    MachineStopped,
    #[error("a process that forwards calls without a log line (`[audit] required = false`) did not stop cleanly")]
    MaybeUnwritten,
}

/// The state that the files of earlier processes describe.
#[derive(Debug)]
pub(super) struct History {
    pub(super) gap: Option<HistoryGap>,
    /// When an earlier process was last known to accept calls.
    pub(super) last: Option<Timestamp>,
    /// The number of the next file.
    pub(super) next: u64,
    /// The existing files, each with the newest second in which a call in it was signed.
    pub(super) files: Vec<(u64, i64)>,
    /// Uses by calls that are dated in the future.
    pub(super) ahead: Vec<NonceUse>,
}

/// Reads and judges the files.
pub(super) struct HistoryReader<'a> {
    pub(super) names: &'a Names,
    pub(super) key: &'a DigestKey,
    pub(super) modes: FileModes,
    pub(super) log: &'a FileSink,
    pub(super) now: Timestamp,
    pub(super) steady: Duration,
    pub(super) span: Duration,
}

/// The content of one file.
struct FileHistory {
    number: u64,
    snapshot: Option<Snapshot>,
    newest: i64,
    last: Option<Stamp>,
    /// The kind of the last frame, if no other bytes follow it.
    end: Option<Kind>,
    /// Whether there is any frame after the snapshot.
    has_frames: bool,
}

impl HistoryReader<'_> {
    /// Fills the table with the accepted nonces.
    pub(super) fn read(&self, table: &mut NonceTable) -> Result<History, NonceFileError> {
        let io = |error| NonceFileError::Io { path: self.names.head().to_owned(), error };
        let numbers = self.names.numbers().map_err(io)?;
        let (mut files, mut ahead) = (Vec::new(), Vec::new());
        for number in &numbers {
            files.push(self.file(*number, table, &mut ahead)?);
        }
        let files = in_use(&files);
        // The number of a file that was created and never used is free.
        let next = files.last().map_or(1, |last| last.number.saturating_add(1));
        let listed = files.iter().map(|file| (file.number, file.newest)).collect();
        let gap = self.gap(files);
        let written = files.iter().filter_map(|file| Timestamp::from_millisecond(file.last?.wall).ok()).max();
        let logged = match self.log.past() {
            LogPast::Lines(time) => *time,
            LogPast::Device | LogPast::Empty => None,
        };
        Ok(History { gap, last: written.max(logged), next, files: listed, ahead })
    }

    fn file(
        &self,
        number: u64,
        table: &mut NonceTable,
        ahead: &mut Vec<NonceUse>,
    ) -> Result<FileHistory, NonceFileError> {
        let bytes = self.names.read(number, LARGEST, self.modes)?;
        let mut read =
            FileHistory { number, snapshot: None, newest: i64::MIN, last: None, end: None, has_frames: false };
        // A low estimate: a frame with a single use has 56 bytes.
        table.reserve(bytes.len() / 56);
        let (mut bytes, mut users, now) = (&bytes[..], Vec::new(), self.now.as_second());
        while let Some(frame) = take(self.key, number, &mut bytes) {
            match frame.kind {
                Kind::Snapshot => {
                    let Some(snapshot) = Snapshot::read(frame.body) else { break };
                    table.raise_floor(snapshot.floor);
                    snapshot.forgotten.iter().for_each(|(key, second)| table.forget_key(*key, *second));
                    read.snapshot = Some(snapshot);
                }
                Kind::Uses => {
                    read.has_frames = true;
                    let each = |used: NonceUse| {
                        table.restore(used, self.steady);
                        read.newest = read.newest.max(used.second);
                        if used.second > now {
                            ahead.push(used);
                        }
                    };
                    if take_uses(frame.body, &mut users, each).is_none() {
                        break;
                    }
                }
                Kind::Next | Kind::End => read.has_frames = true,
            }
            read.last = Some(frame.stamp);
            read.end = Some(frame.kind).filter(|_| bytes.is_empty());
        }
        Ok(read)
    }

    fn gap(&self, files: &[FileHistory]) -> Option<HistoryGap> {
        let Some(last) = files.last() else { return self.gap_without_files() };
        let (Some(snapshot), Some(stamp)) = (&last.snapshot, last_stamp(files)) else {
            return Some(HistoryGap::Damaged);
        };
        if !is_complete(files, snapshot.first) {
            return Some(HistoryGap::Damaged);
        }
        let is_device = *self.log.past() == LogPast::Device;
        // A log without lines has no chain yet that the next process could continue.
        let never_written = stamp.line == 0 && *self.log.past() == LogPast::Empty;
        if !is_device && !never_written && snapshot.chain != self.log.identity().chain {
            return Some(HistoryGap::OtherLog);
        }
        let written = Timestamp::from_millisecond(stamp.wall).unwrap_or(Timestamp::MAX);
        if written.duration_since(self.now) > AHEAD {
            return Some(HistoryGap::Future);
        }
        if last.end != Some(Kind::End) {
            if snapshot.boot == [0; 16] || snapshot.boot != boot() {
                return Some(HistoryGap::MachineStopped);
            }
            if snapshot.best_effort {
                return Some(HistoryGap::MaybeUnwritten);
            }
        }
        let reaches = is_device || self.log.allowed_after(stamp.line) == AllowedAfter::No;
        (!reaches).then_some(HistoryGap::Behind)
    }

    /// Without files, the age of the log's last line decides whether files must have existed.
    fn gap_without_files(&self) -> Option<HistoryGap> {
        let recent = match self.log.past() {
            LogPast::Device | LogPast::Empty => false,
            LogPast::Lines(None) => true,
            LogPast::Lines(Some(last)) => {
                let age = self.now.duration_since(*last);
                age < SignedDuration::try_from(self.span).unwrap_or(SignedDuration::MAX)
            }
        };
        recent.then_some(HistoryGap::Missing)
    }
}

/// The files without a last file that was created and never used: its process had not yet switched to it.
fn in_use(files: &[FileHistory]) -> &[FileHistory] {
    let Some((last, before)) = files.split_last() else { return files };
    let left = before.last().is_some_and(|file| file.end == Some(Kind::Next));
    let unused = match &last.snapshot {
        None => last.last.is_none() && !left,
        Some(snapshot) => {
            snapshot.origin == Origin::Rotation && !last.has_frames && last.end == Some(Kind::Snapshot) && !left
        }
    };
    if unused { before } else { files }
}

/// The stamp of the last frame written.
fn last_stamp(files: &[FileHistory]) -> Option<Stamp> {
    let (last, before) = files.split_last()?;
    let is_new = !last.has_frames && last.snapshot.as_ref().is_some_and(|snapshot| snapshot.origin == Origin::Rotation);
    // A rotation creates the next file while the current one is still written to, so the new file's first stamp is
    // older than the last stamp of the previous file.
    let left = before.last().filter(|before| is_new && before.end == Some(Kind::Next));
    left.unwrap_or(last).last
}

/// Whether every file from `first` on exists, and each one before the last was completed or superseded by a start.
fn is_complete(files: &[FileHistory], first: u64) -> bool {
    let needed: Vec<&FileHistory> = files.iter().filter(|file| file.number >= first).collect();
    let follows = |pair: &[&FileHistory]| {
        let started = pair[1].snapshot.as_ref().is_some_and(|snapshot| snapshot.origin == Origin::Start);
        let left = matches!(pair[0].end, Some(Kind::Next | Kind::End));
        pair[1].number == pair[0].number + 1 && pair[0].snapshot.is_some() && (left || started)
    };
    needed.first().is_some_and(|file| file.number == first) && needed.windows(2).all(follows)
}

/// The boot id of the machine; zeros if unknown.
pub(super) fn boot() -> [u8; 16] {
    let text = read_bounded(Path::new("/proc/sys/kernel/random/boot_id"), 64).unwrap_or_default();
    let digits: Vec<u8> = text.into_iter().filter(u8::is_ascii_hexdigit).collect();
    let mut boot = [0; 16];
    crate::text::unhex(&digits, &mut boot).map_or([0; 16], |()| boot)
}
