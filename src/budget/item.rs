//! What budgets are about, and the refusal of a caller who has used one up.

use std::fmt;
use std::time::Duration;

/// Something that callers use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    RefusedLines,
    RefusedBytes,
    Nonces,
    Lookups,
    Keys,
    Exchanges,
    ClaimedCalls,
    LoggedRefusals,
}

/// By which table of limits a holder is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// `[limits.principal]`
    Principal,
    /// `[limits.source]`
    Source,
}

/// A budget that is used up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget of this {whose} is used up: {bound}, of {}", .item.in_words())]
pub struct Throttled {
    pub whose: Whose,
    pub item: Item,
    pub bound: Bound,
    /// When there may be room again.
    pub retry_after: Duration,
}

/// How much of an item there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// As `[limits]` sets it.
    AMinute(u64),
    /// Under way and waiting.
    AtOnce(u64),
}

impl Item {
    pub const ALL: [Self; 8] = [
        Self::RefusedLines,
        Self::RefusedBytes,
        Self::Nonces,
        Self::Lookups,
        Self::Keys,
        Self::Exchanges,
        Self::ClaimedCalls,
        Self::LoggedRefusals,
    ];

    /// As settings and metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RefusedLines => "refused_lines",
            Self::RefusedBytes => "refused_bytes",
            Self::Nonces => "nonces",
            Self::Lookups => "lookups",
            Self::Keys => "keys",
            Self::Exchanges => "exchanges",
            Self::ClaimedCalls => "claimed_calls",
            Self::LoggedRefusals => "logged_refusals",
        }
    }

    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::RefusedLines => "lines of refused attempts",
            Self::RefusedBytes => "bytes of refused attempts' lines",
            Self::Nonces => "signed calls",
            Self::Lookups => "look-ups of facts at ECS",
            Self::Keys => "issued keys",
            Self::Exchanges => "questions to the real STS",
            Self::ClaimedCalls => "calls of a key that is merely claimed",
            Self::LoggedRefusals => "refusals in the program's log",
        }
    }
}

impl Whose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Source => "source",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AMinute(limit) => write!(f, "at most {limit} a minute"),
            Self::AtOnce(limit) => write!(f, "at most {limit} at once"),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
