//! Decides which refusals are written: those for which the file and the file system have room besides the room that is
//! reserved for permits.

use std::time::Duration;

use super::super::sink::{LineClass, Shortage};

/// Bytes of lines, by what they are evidence of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    /// Permits and outcomes, which `rotate_size` counts.
    pub(super) permits: u64,
    /// Refusals, and notices about the log itself.
    pub(super) others: u64,
}

/// The room for refusals.
#[derive(Debug)]
pub(super) struct Room {
    /// Bytes of all lines that were accepted since the start.
    accepted: u64,
    /// Refusals are written only while `accepted` stays below this: `accepted` at the last look, plus the free bytes,
    /// minus the reserved ones.
    limit: u64,
    /// When a write last failed because the file system was full.
    full: Option<Duration>,
    /// Why refusals are only counted at the moment.
    pub(super) shortage: Option<Shortage>,
    /// When a lack of disk space was last reported.
    pub(super) reported: Option<Duration>,
}

/// How long the file system counts as full after a write failed for lack of space, no matter how much is free: a quota
/// does not show in the free space.
const FULL: Duration = Duration::from_secs(60);

impl Shares {
    pub(super) fn add(&mut self, class: LineClass, bytes: u64) {
        match class {
            LineClass::Permit | LineClass::Outcome => self.permits += bytes,
            LineClass::Refusal | LineClass::Notice => self.others += bytes,
        }
    }

    pub(super) fn and(self, more: Self) -> Self {
        Self { permits: self.permits + more.permits, others: self.others + more.others }
    }

    /// The shares of a file that was truncated to a length.
    pub(super) fn cut(self, length: u64) -> Self {
        let permits = self.permits.min(length);
        Self { permits, others: self.others.min(length - permits) }
    }
}

impl Room {
    pub(super) fn new() -> Self {
        Self { accepted: 0, limit: u64::MAX, full: None, shortage: None, reported: None }
    }

    /// Why a refusal of this length is not written, if it is not. `others` is how many bytes of the file are not
    /// evidence of permits, and `share` is the limit for them.
    pub(super) fn shortage_for(&mut self, bytes: u64, others: u64, share: Option<u64>) -> Option<Shortage> {
        if self.shortage.is_none() {
            if self.accepted.saturating_add(bytes) > self.limit {
                self.shortage = Some(Shortage::Space);
            } else if share.is_some_and(|share| others.saturating_add(bytes) > share) {
                self.shortage = Some(Shortage::FileShare);
            }
        }
        self.shortage
    }

    /// A line was accepted.
    pub(super) fn accept(&mut self, bytes: u64) {
        self.accepted += bytes;
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// A new file begins, with a new share for refusals.
    pub(super) fn begin_file(&mut self) {
        if self.shortage == Some(Shortage::FileShare) {
            self.shortage = None;
        }
    }

    /// The file system is full.
    pub(super) fn fill(&mut self, elapsed: Duration) {
        (self.full, self.limit) = (Some(elapsed), 0);
        self.shortage = Some(Shortage::Space);
    }

    /// Updates the limit: `free` bytes were free when `accepted` bytes had been accepted, and `reserved` bytes are kept
    /// for permits.
    pub(super) fn look(&mut self, accepted: u64, free: Option<u64>, reserved: u64, elapsed: Duration) {
        let full = self.full.is_some_and(|at| elapsed.saturating_sub(at) < FULL);
        self.limit = match free {
            _ if full => 0,
            None => u64::MAX,
            Some(free) => accepted.saturating_add(free.saturating_sub(reserved)),
        };
        let left = self.limit.saturating_sub(self.accepted);
        match self.shortage {
            None if left == 0 => self.shortage = Some(Shortage::Space),
            // Only well above the bound, so that the state does not change with every line.
            Some(Shortage::Space) if left > reserved / 64 => self.shortage = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_get_what_is_not_reserved() {
        let mut room = Room::new();
        assert_eq!(room.shortage_for(100, u64::MAX - 100, None), None, "there are no limits");
        assert_eq!(room.shortage_for(10, 90, Some(100)), None);
        assert_eq!(room.shortage_for(11, 90, Some(100)), Some(Shortage::FileShare));
        assert_eq!(room.shortage_for(1, 0, Some(100)), Some(Shortage::FileShare), "until the next file");
        room.begin_file();
        assert_eq!(room.shortage_for(1, 0, Some(100)), None);
        let second = Duration::from_secs;
        room.look(0, Some(6400 + 50), 6400, second(1));
        room.accept(40);
        assert_eq!(room.shortage_for(10, 0, None), None);
        assert_eq!(room.shortage_for(11, 0, None), Some(Shortage::Space));
        room.begin_file();
        room.look(40, Some(6400 + 100), 6400, second(2));
        assert_eq!(room.shortage, Some(Shortage::Space), "hardly more than the bound");
        room.look(40, Some(6400 + 101), 6400, second(3));
        assert_eq!(room.shortage, None);
        room.fill(second(4));
        room.look(40, Some(u64::MAX), 6400, second(63));
        assert_eq!(room.shortage, Some(Shortage::Space), "a quota may be the reason");
        room.look(40, None, 6400, second(64));
        assert_eq!(room.shortage, None);
    }
}
