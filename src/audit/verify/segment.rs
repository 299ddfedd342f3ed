//! A run of lines without a gap, each naming the one before, reduced to the values that verification needs.

use super::line::Digest;

/// A line's place: the number of the input, and the line's number in it.
pub(super) type At = (u32, u64);

#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) first_prev: Digest,
    pub(super) first_at: At,
    pub(super) last: u64,
    pub(super) last_hash: Digest,
    pub(super) last_at: At,
    /// Whether the break before its first line has been reported already.
    pub(super) reported: bool,
}

/// A line that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) seq: u64,
    pub(super) prev: Digest,
    pub(super) hash: Digest,
    pub(super) at: At,
}

impl Segment {
    pub(super) fn of(line: &Read) -> Self {
        Self {
            first: line.seq,
            first_prev: line.prev,
            first_at: line.at,
            last: line.seq,
            last_hash: line.hash,
            last_at: line.at,
            reported: false,
        }
    }

    pub(super) fn append(&mut self, line: &Read) {
        self.last = line.seq;
        self.last_hash = line.hash;
        self.last_at = line.at;
    }

    /// Whether the run has more than one line.
    pub(super) fn is_run(&self) -> bool {
        self.last > self.first
    }
}
