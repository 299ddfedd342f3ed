//! Why a request head has no single reading.

/// A refused head. The message goes to the caller and into the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HeadFault {
    pub kind: FaultKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Malformed, or readable in two ways.
    Reading,
    /// A method other than GET and POST.
    Method,
    /// The head, or the number of its lines, is over the limit.
    HeadTooLarge,
    /// The query is over the limit.
    QueryTooLarge,
    /// The announced body is over the limit.
    BodyTooLarge,
    /// The head was not complete in time.
    Slow,
}

impl HeadFault {
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn reading(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Reading, message)
    }
}
