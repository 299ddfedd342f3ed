//! What must be as safe as the lines of a batch before the calls of these lines go on.

use std::fmt;

use super::sink::SinkFault;

/// Something that is written before the lines of each batch, and synced along with them.
pub trait WriteAhead: fmt::Debug + Send + Sync {
    /// Hands what is pending to the operating system, together with the number `last`, before lines up to that number
    /// are handed over.
    ///
    /// # Errors
    /// What could not be written; it stays pending.
    fn write(&self, last: u64, stamping: Stamping) -> Result<(), SinkFault>;

    /// Begins to bring what was handed over to the disk. None where there is nothing to wait for.
    fn start_sync(&self) -> Option<SyncTicket>;

    /// Waits until what the ticket stands for is on disk.
    ///
    /// # Errors
    /// A disk that did not take it.
    fn finish_sync(&self, ticket: SyncTicket) -> Result<(), SinkFault>;
}

/// Whether the number of a batch's last line must be on record even where nothing is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamping {
    /// No call goes on with this batch: the number is written only along with what is pending.
    WithPending,
    /// The number is written in any case. What was pending for a line of this batch may have been taken along by an
    /// earlier batch, which had a lower number.
    Always,
}

/// How much of what was handed over a sync covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncTicket(pub u64);
