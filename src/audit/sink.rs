//! Where events go.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::follower::FollowerStatus;

/// Takes events in order, one line each.
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Returns when the event is as safe as the sink was set to make it, or when it was decided that a refusal is only
    /// counted.
    ///
    /// # Errors
    /// An event that was not written; nothing of it remains in the log.
    fn append(&self, class: LineClass, event: &str) -> Result<Appended, SinkFault>;

    /// Writes without waiting for the disk: for a line whose loss would itself be visible.
    ///
    /// # Errors
    /// As [`Sink::append`].
    fn append_soon(&self, class: LineClass, event: &str) -> Result<Appended, SinkFault> {
        self.append(class, event)
    }

    /// Whether a refusal would be written at the moment. Where it would only be counted, its line need not be made.
    fn takes_refusals(&self) -> bool {
        true
    }

    /// Whether [`Sink::append`] waits for a disk, so that it must not be called where others wait.
    fn blocks(&self) -> bool;

    /// How it is doing.
    fn status(&self) -> LogStatus {
        LogStatus::default()
    }
}

/// What a line is evidence of, so that a sink can keep room for the lines that matter most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineClass {
    /// A call that goes on. Always written, or the append fails.
    Permit,
    /// What became of a call that went on. Always written, or the append fails.
    Outcome,
    /// An attempt that was refused or denied. A sink that is short of room counts it instead of writing it.
    Refusal,
    /// What the log says about itself: few lines, always written.
    Notice,
}

/// What became of an event that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a refusal that was not written has to be counted"]
pub enum Appended {
    Written,
    /// Not written, for want of room. Only a [`LineClass::Refusal`] gets this answer; whoever appended it counts it and
    /// puts the count into a Summary line.
    Counted,
}

/// Why refusals are only counted at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Hardly more of the file system is free than what is reserved for permits.
    Space,
    /// Refusals have used their share of the file.
    FileShare,
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
    /// Refusals that were only counted, for want of room.
    pub left_out: u64,
    /// Why refusals are only counted at the moment.
    pub shortage: Option<Shortage>,
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
    fn append(&self, class: LineClass, event: &str) -> Result<Appended, SinkFault> {
        S::append(self, class, event)
    }

    fn append_soon(&self, class: LineClass, event: &str) -> Result<Appended, SinkFault> {
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
    fn append(&self, _: LineClass, event: &str) -> Result<Appended, SinkFault> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.to_owned());
        Ok(Appended::Written)
    }

    fn blocks(&self) -> bool {
        false
    }
}
