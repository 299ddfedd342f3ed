//! Why attributes that a decision depends on could not be read.

use crate::budget::BudgetError;
use crate::wire::excerpt;

use crate::gateway::upstream::KeyError;

/// Why a look-up failed. Every call that waited for the look-up gets this error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttributeReadError {
    #[error("only attributes of ENIs and instances can be read from ECS")]
    NotAsked,
    #[error("{0}")]
    Key(KeyError),
    #[error("ECS cannot be reached: {0}")]
    Unreachable(String),
    #[error("no answer came: {0}")]
    NoAnswer(String),
    #[error("no answer came in time")]
    Late,
    #[error(
        "the answer has status {status}{}",
        .code.as_deref().map(|code| format!(", `{}`", excerpt(code))).unwrap_or_default()
    )]
    Status { status: u16, code: Option<String> },
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error("the answer cannot be used: {0}")]
    Answer(String),
    #[error(transparent)]
    Throttled(BudgetError),
    #[error("the look-up was aborted: see the gateway's log")]
    Interrupted,
}

/// Why a call cannot be judged: the attributes of one of its resources are unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a policy depends on the attributes of `{resource}`, which cannot be read: {why}")]
pub(crate) struct AttributesError {
    /// The resource's ARN.
    pub(crate) resource: String,
    pub(crate) why: AttributeReadError,
}
