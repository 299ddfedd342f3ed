//! The lines that wait to be written, and the state of the caller that writes them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::super::chain::Chain;
use super::super::sink::{LineClass, SinkError, Stamping};
use super::open_file::Written;
use super::pending_notices::PendingNotices;
use super::room::Shares;
use super::settings::SyncMode;
use super::tail::LONGEST_LINE;

#[derive(Debug)]
pub(super) struct Queue {
    /// The chain after the last pending line.
    pub(super) chain: Chain,
    lines: Vec<u8>,
    /// How many callers' lines are among them; notices do not count.
    pub(super) count: u64,
    shares: Shares,
    pub(super) unstamped: Unstamped,
    /// Notices whose lines are among the pending ones.
    pub(super) in_flight: PendingNotices,
    pub(super) group: Arc<WriteGroup>,
    /// The strictest mode that a pending line requires.
    pub(super) wanted: SyncMode,
    /// Since when a caller has been writing without holding the lock.
    pub(super) leading: Option<Duration>,
    /// How many threads are waiting. If none is, no system call is spent on waking them.
    pub(super) waiting: usize,
}

/// Lines that are written together, and the result that all their callers share.
#[derive(Debug, Default)]
pub(super) struct WriteGroup {
    pub(super) outcome: OnceLock<Result<(), SinkError>>,
}

/// The lines that one caller writes for all.
pub(super) struct Taken {
    pub(super) lines: Vec<u8>,
    pub(super) count: u64,
    pub(super) stamping: Stamping,
    pub(super) group: Arc<WriteGroup>,
    pub(super) in_flight: PendingNotices,
    /// How far the log is written once these lines are written.
    pub(super) reached: Written,
}

impl Queue {
    pub(super) fn new(chain: Chain) -> Self {
        Self {
            chain,
            lines: Vec::new(),
            count: 0,
            shares: Shares::default(),
            unstamped: Unstamped::new(),
            in_flight: PendingNotices::default(),
            group: Arc::default(),
            wanted: SyncMode::None,
            leading: None,
            waiting: 0,
        }
    }

    /// Appends a line, and returns its length.
    pub(super) fn push(&mut self, class: LineClass, event: &str) -> u64 {
        let before = self.lines.len();
        self.chain.append(event, &mut self.lines);
        let bytes = (self.lines.len() - before) as u64;
        self.shares.add(class, bytes);
        self.unstamped.add(class, bytes);
        bytes
    }

    /// Bytes of pending lines that are not evidence of permits.
    pub(super) fn others(&self) -> u64 {
        self.shares.others
    }

    /// Takes all pending lines, to be written after the lines of `written`.
    pub(super) fn take(&mut self, written: Written) -> Taken {
        let lines = std::mem::take(&mut self.lines);
        let reached = Written {
            chain: self.chain,
            length: written.length + lines.len() as u64,
            shares: written.shares.and(std::mem::take(&mut self.shares)),
        };
        Taken {
            lines,
            count: std::mem::take(&mut self.count),
            stamping: self.unstamped.take(),
            group: std::mem::take(&mut self.group),
            in_flight: std::mem::take(&mut self.in_flight),
            reached,
        }
    }

    /// Reuses the allocation of written lines for the next ones.
    pub(super) fn reuse(&mut self, mut lines: Vec<u8>) {
        if self.lines.capacity() == 0 {
            lines.clear();
            self.lines = lines;
        }
    }
}

/// Decides which batches record the number of their last line in the write-ahead store, so that a later start can
/// compare the log with the store.
///
/// A start looks for permitted calls in the lines after the last recorded number, but only in the last
/// `2 * LONGEST_LINE` bytes of the current file. So a batch is recorded if it permits a call, or if otherwise more than
/// `LONGEST_LINE` bytes of lines would follow the last recorded number. Then all unrecorded lines are within those
/// bytes, and none of them permits a call.
#[derive(Debug)]
pub(super) struct Unstamped {
    /// Bytes of lines since the last batch whose number is recorded.
    bytes: u64,
    /// Whether one of the pending lines permits a call.
    permits: bool,
}

impl Unstamped {
    /// No number is recorded yet.
    fn new() -> Self {
        Self { bytes: u64::MAX, permits: false }
    }

    fn add(&mut self, class: LineClass, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.permits |= class == LineClass::Permit;
    }

    /// Requires the next batch to be recorded: earlier lines may not be recorded, or a start may not find them.
    pub(super) fn owe(&mut self) {
        self.bytes = u64::MAX;
    }

    /// Whether the batch of the pending lines must be recorded.
    fn take(&mut self) -> Stamping {
        let permits = std::mem::take(&mut self.permits);
        if !permits && self.bytes <= LONGEST_LINE {
            return Stamping::WithPending;
        }
        self.bytes = 0;
        Stamping::Always
    }
}
