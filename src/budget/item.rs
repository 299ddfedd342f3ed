//! What budgets limit, and the error for a budget that is used up.

use std::fmt;
use std::time::Duration;

/// Something that callers consume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum BudgetItem {
    RefusedLines,
    RefusedBytes,
    Nonces,
    Lookups,
    Keys,
    Exchanges,
    ClaimedCalls,
    LoggedRefusals,
}

/// The table of limits that applies to a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HolderKind {
    /// `[limits.principal]`
    Principal,
    /// `[limits.source]`
    Source,
}

/// A budget that is used up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget of this {whose} for {} is used up: {bound}", .item.in_words())]
pub struct BudgetError {
    pub(crate) whose: HolderKind,
    pub(crate) item: BudgetItem,
    pub(crate) bound: BudgetBound,
    /// The time until the budget may be available again.
    pub(crate) retry_after: Duration,
}

/// The size of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BudgetBound {
    /// A limit per minute, from `[limits]`.
    AMinute(u64),
    /// A limit on concurrent and waiting calls.
    AtOnce(u64),
}

impl BudgetItem {
    /// Every item.
    pub(crate) const ALL: [Self; 8] = [
        Self::RefusedLines,
        Self::RefusedBytes,
        Self::Nonces,
        Self::Lookups,
        Self::Keys,
        Self::Exchanges,
        Self::ClaimedCalls,
        Self::LoggedRefusals,
    ];

    /// The name in settings and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
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
            Self::RefusedBytes => "bytes of refused attempts",
            Self::Nonces => "signed calls",
            Self::Lookups => "resource lookups at ECS",
            Self::Keys => "issued keys",
            Self::Exchanges => "requests to the real STS",
            Self::ClaimedCalls => "calls with an unverified key",
            Self::LoggedRefusals => "refusals in the program log",
        }
    }
}

impl HolderKind {
    /// The name in settings and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Source => "source",
        }
    }
}

impl fmt::Display for BudgetBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AMinute(limit) => write!(f, "at most {limit} a minute"),
            Self::AtOnce(limit) => write!(f, "at most {limit} at once"),
        }
    }
}

impl fmt::Display for BudgetItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for HolderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
