//! Where events go.

use std::sync::{Arc, Mutex, PoisonError};

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
