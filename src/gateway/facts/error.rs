//! Facts about a resource that a judgement needs and that could not be read.

use crate::budget::BudgetError;
use crate::wire::excerpt;

use crate::gateway::upstream::KeyError;

/// What became of the look-up. Shared by every call that waited for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttributeReadError {
    #[error("ECS is asked about ENIs and instances only")]
    NotAsked,
    #[error("{0}")]
    Key(KeyError),
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
    Throttled(BudgetError),
    #[error("the look-up came to no end; the gateway's log has the place")]
    Interrupted,
}

/// Why a call cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("facts about `{resource}` cannot be read, and a policy turns on them: {why}")]
pub(crate) struct AttributesError {
    /// Its ARN.
    pub(crate) resource: String,
    pub(crate) why: AttributeReadError,
}
