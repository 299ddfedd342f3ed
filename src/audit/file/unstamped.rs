//! Which batches put their number on record in the write-ahead store, so that a later start can compare the two.
//!
//! A start looks for calls that went on in lines after the last number on record, and looks no further back than the
//! last `2 * LONGEST_LINE` bytes of the current file. So each batch that lets a call go on is on record, and so is the
//! batch with which more than `LONGEST_LINE` bytes would not be: all lines after the last number lie within those
//! bytes, and none of them lets a call go on.

use super::super::ahead::Stamping;
use super::super::sink::LineClass;
use super::tail::LONGEST_LINE;

/// The lines since the last batch whose number is on record.
#[derive(Debug)]
pub(super) struct Unstamped {
    bytes: u64,
    /// Whether one of the pending lines lets a call go on.
    permits: bool,
}

impl Unstamped {
    /// Nothing is on record yet.
    pub(super) fn new() -> Self {
        Self { bytes: u64::MAX, permits: false }
    }

    /// Adds a line to the pending ones.
    pub(super) fn add(&mut self, class: LineClass, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.permits |= class == LineClass::Permit;
    }

    /// It is not certain that earlier lines are on record, or that a start would find them: the next batch has to be.
    pub(super) fn owe(&mut self) {
        self.bytes = u64::MAX;
    }

    /// What the batch of the pending lines needs.
    pub(super) fn take(&mut self) -> Stamping {
        let permits = std::mem::take(&mut self.permits);
        if !permits && self.bytes <= LONGEST_LINE {
            return Stamping::WithPending;
        }
        self.bytes = 0;
        Stamping::Always
    }
}
