//! Facts about a resource that a judgement needs and that could not be read.

use crate::budget::Throttled;
use crate::wire::excerpt;

use super::upstream_keys::KeyFault;

/// What became of the look-up. Shared by every call that waited for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("ECS is asked about ENIs and instances only")]
    NotAsked,
    #[error("{0}")]
    Key(KeyFault),
    #[error("ECS cannot be reached: {0}")]
    Unreachable(String),
    #[error("no answer came: {0}")]
    NoAnswer(String),
    #[error("no answer came in time")]
    Late,
    #[error("the answer has status {status}{}", .code.as_deref().map(|code| format!(", `{}`", excerpt(code))).unwrap_or_default())]
    Status { status: u16, code: Option<String> },
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error("the answer cannot be used: {0}")]
    Answer(String),
    #[error(transparent)]
    Throttled(Throttled),
    #[error("the look-up came to no end; the gateway's log has the place")]
    Interrupted,
}

/// Why a call cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("facts about `{resource}` cannot be read, and a policy turns on them: {why}")]
pub(super) struct UnreadFacts {
    /// Its ARN.
    pub(super) resource: String,
    pub(super) why: Unread,
}
