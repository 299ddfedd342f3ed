//! Where events go: sinks, secondary sinks, and what must be written ahead of a batch of lines.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Takes events in order, and makes a line of each.
pub trait Sink: Send + Sync + fmt::Debug {
    /// Returns once the event is as safe as the sink is configured to make it, or once it is clear that a refusal is
    /// only counted.
    ///
    /// # Errors
    /// The event was not written; nothing of it remains in the log.
    fn append(&self, class: LineClass, event: &str) -> Result<Appended, SinkError>;

    /// Writes without waiting for the disk, for a line whose loss would be noticed.
    ///
    /// # Errors
    /// As [`Sink::append`].
    fn append_soon(&self, class: LineClass, event: &str) -> Result<Appended, SinkError> {
        self.append(class, event)
    }

    /// Whether a refusal would be written at the moment. If it would only be counted, its line need not be made.
    fn takes_refusals(&self) -> bool {
        true
    }

    /// Whether [`Sink::append`] may wait for a disk, so that it must not be called on a thread that other work needs.
    fn blocks(&self) -> bool;

    /// The status of the log.
    fn status(&self) -> LogStatus {
        LogStatus::default()
    }
}

/// The kind of evidence in a line, so that a sink can reserve room for the lines that matter most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineClass {
    /// A permitted call. Always written, or the append fails.
    Permit,
    /// The result of a forwarded call. Always written, or the append fails.
    Outcome,
    /// An attempt that was refused or denied. A sink that is short of room counts it instead of writing it.
    Refusal,
    /// A notice about the log itself: few lines, always written.
    Notice,
}

/// What happened to an event that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a refusal that was not written has to be counted"]
pub enum Appended {
    Written,
    /// Not written for lack of room. Only a [`LineClass::Refusal`] gets this answer; the journal counts it, and puts
    /// the count into a line of stage `Summary`.
    Counted,
}

/// Why refusals are only counted at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Hardly more of the file system is free than is reserved for permits.
    Space,
    /// Refusals have used their share of the file.
    FileShare,
}

/// Whether a call may proceed without its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requirement {
    #[default]
    Required,
    /// A line that cannot be written is counted, and reported later.
    BestEffort,
}

/// The status of a log; counts are since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStatus {
    /// Whether calls may proceed without their lines.
    pub requirement: Requirement,
    /// Lines of attempts.
    pub written: u64,
    /// Lines that could not be written and whose calls were refused.
    pub failed: u64,
    /// Lines that could not be written and whose calls proceeded without them.
    pub lost: u64,
    /// Refusals that were only counted for lack of room.
    pub left_out: u64,
    /// Why refusals are only counted at the moment.
    pub shortage: Option<Shortage>,
    /// When lines last reached the disk.
    pub last_sync: Option<Timestamp>,
    /// Why nothing can be written at the moment.
    pub error: Option<String>,
    pub checkpoints: u64,
    /// The last line that a checkpoint covers, if the log has checkpoints.
    pub covered: Option<u64>,
    pub checkpoint_error: Option<String>,
    /// Where lines go after the file has them.
    pub secondary: Vec<SecondaryStatus>,
}

/// A sink that gets the lines after the file has them: in the same order, and byte for byte.
pub trait SecondarySink: Send + Sync + fmt::Debug {
    /// Whether calls wait for it. A sink that may miss lines must not make a call wait.
    fn requirement(&self) -> Requirement;

    /// Takes whole lines.
    ///
    /// # Errors
    /// Required lines were not taken. Lines that are not required are counted instead.
    fn take(&self, lines: &[u8], count: u64) -> Result<(), SinkError>;

    /// The status of the sink.
    fn status(&self) -> SecondaryStatus;

    /// Closes the sink, after a short attempt to pass on the lines that it still has.
    fn close(&self) {}
}

/// The status of a secondary sink; counts are since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryStatus {
    /// The name in metrics.
    pub name: &'static str,
    pub requirement: Requirement,
    /// Lines that it did not take.
    pub missed: u64,
    /// Bytes that are not passed on yet.
    pub waiting: u64,
    /// Why it takes no lines at the moment.
    pub error: Option<String>,
}

/// A store that is written before the lines of each batch, and synced along with them.
pub trait WriteAhead: fmt::Debug + Send + Sync {
    /// Writes the pending entries, together with the number `last`, before the lines up to that number are written.
    ///
    /// # Errors
    /// The store could not be written; the pending entries stay pending.
    fn write(&self, last: u64, stamping: Stamping) -> Result<(), SinkError>;

    /// Starts to sync the written entries. `None` if there is nothing to wait for.
    fn start_sync(&self) -> Option<SyncTicket>;

    /// Waits until everything that the ticket covers is on disk.
    ///
    /// # Errors
    /// The sync failed.
    fn finish_sync(&self, ticket: SyncTicket) -> Result<(), SinkError>;
}

/// Whether the number of a batch's last line must be recorded even if no entry is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamping {
    /// This batch permits no call: the number is written only if an entry is pending.
    WithPending,
    /// The number is written in any case. The entry for a line of this batch may have been written with an earlier
    /// batch, under a lower number.
    Always,
}

/// How many of the written entries a sync covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncTicket(pub u64);

/// A shared sink.
impl<S: Sink> Sink for Arc<S> {
    fn append(&self, class: LineClass, event: &str) -> Result<Appended, SinkError> {
        S::append(self, class, event)
    }

    fn append_soon(&self, class: LineClass, event: &str) -> Result<Appended, SinkError> {
        S::append_soon(self, class, event)
    }

    fn takes_refusals(&self) -> bool {
        S::takes_refusals(self)
    }

    fn blocks(&self) -> bool {
        S::blocks(self)
    }

    fn status(&self) -> LogStatus {
        S::status(self)
    }
}

/// Why an event was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written: {0}")]
pub struct SinkError(pub String);

/// Keeps events in memory: for a policy test, or a test of the gateway.
#[derive(Debug, Default)]
pub struct MemorySink {
    events: Mutex<Vec<String>>,
}

impl MemorySink {
    pub fn events(&self) -> Vec<String> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for MemorySink {
    fn append(&self, _: LineClass, event: &str) -> Result<Appended, SinkError> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.to_owned());
        Ok(Appended::Written)
    }

    fn blocks(&self) -> bool {
        false
    }
}
