//! What must be as safe as the lines of a batch before the calls of these lines go on.

use std::fmt;

use super::sink::SinkFault;

/// Something that is written before the lines of each batch, and synced along with them.
pub trait WriteAhead: fmt::Debug + Send + Sync {
    /// Hands what is pending to the operating system, before lines up to number `last` are handed over.
    ///
    /// # Errors
    /// What could not be written; it stays pending.
    fn write(&self, last: u64) -> Result<(), SinkFault>;

    /// Begins to bring what was handed over to the disk. None where there is nothing to wait for.
    fn start_sync(&self) -> Option<SyncTicket>;

    /// Waits until what the ticket stands for is on disk.
    ///
    /// # Errors
    /// A disk that did not take it.
    fn finish_sync(&self, ticket: SyncTicket) -> Result<(), SinkFault>;
}

/// How much of what was handed over a sync covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncTicket(pub u64);
