//! Whoever gets the lines besides the file: after they stand in it, in the same order, and byte for byte.

use super::sink::{Requirement, SinkFault};

/// A second place for lines.
pub trait Follower: Send + Sync + std::fmt::Debug {
    /// Whether calls wait for it; one that may be left out must not make anybody wait.
    fn requirement(&self) -> Requirement;

    /// Takes whole lines.
    ///
    /// # Errors
    /// Lines that were not taken, where they are required; else they are counted.
    fn take(&self, lines: &[u8], count: u64) -> Result<(), SinkFault>;

    /// How it is doing.
    fn status(&self) -> FollowerStatus;

    /// Ends it: what it was given is passed on, as far as that is possible at once.
    fn close(&self) {}
}

/// How a second place is doing; counts are since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerStatus {
    /// A word of ours.
    pub name: &'static str,
    pub requirement: Requirement,
    /// Lines that it did not take.
    pub missed: u64,
    /// Bytes that wait to be passed on.
    pub waiting: u64,
    /// Why it takes nothing at the moment.
    pub fault: Option<String>,
}
