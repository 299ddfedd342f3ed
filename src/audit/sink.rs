//! Where events go.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::follower::FollowerStatus;

/// Takes events in order, one line each.
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Returns when the event is as safe as the sink was set to make it.
    ///
    /// # Errors
    /// An event that was not written; nothing of it remains in the log.
    fn append(&self, event: &str) -> Result<(), SinkFault>;

    /// Writes without waiting for the disk: for a line whose loss would itself be visible.
    ///
    /// # Errors
    /// As [`Sink::append`].
    fn append_soon(&self, event: &str) -> Result<(), SinkFault> {
        self.append(event)
    }

    /// Whether [`Sink::append`] waits for a disk, so that it must not be called where others wait.
    fn blocks(&self) -> bool;

    /// How it is doing.
    fn status(&self) -> LogStatus {
        LogStatus::default()
    }
}

/// Whether a call may go on without its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requirement {
    #[default]
    Required,
    /// A line that cannot be written is counted, and told later.
    BestEffort,
}

/// How a log is doing; counts are since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStatus {
    /// Whether calls may go on without their lines.
    pub requirement: Requirement,
    /// Lines of attempts.
    pub written: u64,
    /// Lines that could not be written, whose calls were refused.
    pub failed: u64,
    /// Lines that could not be written, whose calls went on.
    pub lost: u64,
    /// When lines last reached the disk.
    pub last_sync: Option<Timestamp>,
    /// Why nothing can be written at the moment.
    pub fault: Option<String>,
    pub checkpoints: u64,
    /// The last line under a checkpoint, where there are any.
    pub covered: Option<u64>,
    pub checkpoint_fault: Option<String>,
    /// Where lines go besides.
    pub followers: Vec<FollowerStatus>,
}

/// A sink that somebody else looks at too.
impl<S: Sink> Sink for Arc<S> {
    fn append(&self, event: &str) -> Result<(), SinkFault> {
        S::append(self, event)
    }

    fn append_soon(&self, event: &str) -> Result<(), SinkFault> {
        S::append_soon(self, event)
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
pub struct SinkFault(pub String);

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
    fn append(&self, event: &str) -> Result<(), SinkFault> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.to_owned());
        Ok(())
    }

    fn blocks(&self) -> bool {
        false
    }
}
