//! The limits per minute.

use super::item::BudgetItem;

/// What one holder may use in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMinute {
    /// Audit log lines about denied or refused attempts.
    pub refused_lines: u64,
    /// Bytes of these lines.
    pub refused_bytes: u64,
    /// Nonces of verified calls. A source is charged only for exchanges, whose principal is unknown until STS answers.
    pub nonces: u64,
    /// Lookups of resource attributes at ECS, made with the gateway's own key.
    pub lookups: u64,
    /// Keys that the gateway issues.
    pub keys: u64,
    /// Exchanges, each of which sends a request to the real STS.
    pub exchanges: u64,
    /// Pass-through calls that are forwarded although their key is unverified.
    pub claimed_calls: u64,
    /// Program log lines about refusals. Not configurable: the audit log is the record.
    pub logged_refusals: u64,
}

/// The limits of every kind of holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    /// For each principal: `[limits.principal]`.
    pub principal: PerMinute,
    /// For each source, charged while a call's principal is unknown: `[limits.source]`.
    pub source: PerMinute,
    /// Lines of refused attempts by all sources together.
    pub lines_of_all_sources: u64,
}

impl PerMinute {
    /// The defaults for a principal. Two hundred clusters may share one role, and 500 pods may start at once in one of
    /// them. A load test with one key signs 11,000 calls a second.
    pub const OF_PRINCIPAL: Self = Self {
        refused_lines: 600,
        refused_bytes: 1 << 20,
        nonces: 1_000_000,
        lookups: 600,
        keys: 3000,
        exchanges: 3000,
        claimed_calls: 600,
        logged_refusals: 60,
    };
    /// The defaults for a source, which may be a node with hundreds of pods, or the only address of a cluster.
    pub const OF_SOURCE: Self = Self {
        refused_lines: 600,
        refused_bytes: 1 << 20,
        nonces: 1_000_000,
        lookups: 600,
        keys: 300,
        exchanges: 600,
        claimed_calls: 1000,
        logged_refusals: 60,
    };

    /// Applies a function to every limit.
    pub fn map(self, mut change: impl FnMut(u64) -> u64) -> Self {
        Self {
            refused_lines: change(self.refused_lines),
            refused_bytes: change(self.refused_bytes),
            nonces: change(self.nonces),
            lookups: change(self.lookups),
            keys: change(self.keys),
            exchanges: change(self.exchanges),
            claimed_calls: change(self.claimed_calls),
            logged_refusals: change(self.logged_refusals),
        }
    }

    pub(super) const fn of(&self, item: BudgetItem) -> u64 {
        match item {
            BudgetItem::RefusedLines => self.refused_lines,
            BudgetItem::RefusedBytes => self.refused_bytes,
            BudgetItem::Nonces => self.nonces,
            BudgetItem::Lookups => self.lookups,
            BudgetItem::Keys => self.keys,
            BudgetItem::Exchanges => self.exchanges,
            BudgetItem::ClaimedCalls => self.claimed_calls,
            BudgetItem::LoggedRefusals => self.logged_refusals,
        }
    }
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self { principal: PerMinute::OF_PRINCIPAL, source: PerMinute::OF_SOURCE, lines_of_all_sources: 6000 }
    }
}
