//! The limits of a minute.

use super::item::Item;

/// What one holder may use in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMinute {
    /// Lines of the audit log about attempts that were denied or refused.
    pub refused_lines: u64,
    /// Bytes of these lines.
    pub refused_bytes: u64,
    /// Nonces of verified calls. A source is charged for exchanges only, whose principal is known after STS answered.
    pub nonces: u64,
    /// Look-ups of facts at ECS, made with the gateway's own key.
    pub lookups: u64,
    /// Keys that the gateway issues.
    pub keys: u64,
    /// Exchanges: questions to the real STS.
    pub exchanges: u64,
    /// Calls of pass-through that go on although their key is merely claimed.
    pub claimed_calls: u64,
    /// Lines of the program's own log about refusals. No setting changes it: the audit log is the record.
    pub logged_refusals: u64,
}

/// The limits of every kind of holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    pub principal: PerMinute,
    pub source: PerMinute,
    /// Lines of refused attempts by all sources together.
    pub strangers_lines: u64,
}

impl PerMinute {
    /// Two hundred clusters may share one role, with 500 pods that start at once in one of them. A load test with one
    /// key signs 11,000 calls a second.
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
    /// A source may be a node with hundreds of pods, or the one address of a cluster.
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

    /// The same with every limit changed.
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

    pub(super) const fn of(&self, item: Item) -> u64 {
        match item {
            Item::RefusedLines => self.refused_lines,
            Item::RefusedBytes => self.refused_bytes,
            Item::Nonces => self.nonces,
            Item::Lookups => self.lookups,
            Item::Keys => self.keys,
            Item::Exchanges => self.exchanges,
            Item::ClaimedCalls => self.claimed_calls,
            Item::LoggedRefusals => self.logged_refusals,
        }
    }
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self { principal: PerMinute::OF_PRINCIPAL, source: PerMinute::OF_SOURCE, strangers_lines: 6000 }
    }
}
