//! What attempts by nobody in particular may add to the log: so much a peer, so much in all, and the rest counted.
//!
//! Decisions on authenticated calls never come here (design 8), nor does anything that is forwarded.

use std::net::IpAddr;
use std::num::NonZeroUsize;

use jiff::Timestamp;
use lru::LruCache;

/// Peers whose share is remembered; a peer that falls out begins anew, under the bound for all.
const PEERS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// Lines a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    pub per_peer: u32,
    pub total: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Write,
    Count,
}

/// What was counted instead of written, in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppressed {
    pub attempts: u64,
}

#[derive(Debug)]
pub struct Budget {
    limits: BudgetLimits,
    minute: i64,
    written: u32,
    suppressed: u64,
    peers: LruCache<IpAddr, u32>,
}

impl Budget {
    pub fn new(limits: BudgetLimits) -> Self {
        Self { limits, minute: i64::MIN, written: 0, suppressed: 0, peers: LruCache::new(PEERS) }
    }

    pub fn admit(&mut self, peer: IpAddr, now: Timestamp) -> Admission {
        let minute = minute_of(now);
        if minute != self.minute {
            self.minute = minute;
            self.written = 0;
            self.peers.clear();
        }
        let of_peer = self.peers.get_or_insert_mut(peer, || 0);
        if *of_peer >= self.limits.per_peer || self.written >= self.limits.total {
            self.suppressed += 1;
            return Admission::Count;
        }
        *of_peer += 1;
        self.written += 1;
        Admission::Write
    }

    /// Counts an attempt that was admitted, and that the log has no room for.
    pub fn count(&mut self) {
        self.suppressed += 1;
    }

    /// What was counted in minutes that are over.
    pub fn take_suppressed(&mut self, now: Timestamp) -> Option<Suppressed> {
        let over = self.suppressed > 0 && minute_of(now) != self.minute;
        over.then(|| Suppressed { attempts: std::mem::take(&mut self.suppressed) })
    }

    /// All that was counted and not taken yet: for a log that ends.
    pub fn take_all(&mut self) -> Option<Suppressed> {
        (self.suppressed > 0).then(|| Suppressed { attempts: std::mem::take(&mut self.suppressed) })
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_its_share_an_attempt_is_counted() {
        let mut budget = Budget::new(BudgetLimits { per_peer: 2, total: 3 });
        let at = |second| Timestamp::from_second(second).unwrap();
        let peer = |last| IpAddr::from([10, 0, 0, last]);
        let admit = |budget: &mut Budget, last, second| budget.admit(peer(last), at(second));
        assert_eq!(admit(&mut budget, 1, 0), Admission::Write);
        assert_eq!(admit(&mut budget, 1, 1), Admission::Write);
        assert_eq!(admit(&mut budget, 1, 2), Admission::Count);
        assert_eq!(admit(&mut budget, 2, 2), Admission::Write);
        assert_eq!(admit(&mut budget, 3, 2), Admission::Count);
        assert_eq!(budget.take_suppressed(at(59)), None);
        assert_eq!(budget.take_suppressed(at(60)), Some(Suppressed { attempts: 2 }));
        assert_eq!(budget.take_suppressed(at(60)), None);
        assert_eq!(admit(&mut budget, 1, 61), Admission::Write);
        assert_eq!(budget.take_all(), None);
        let admitted: Vec<_> = (62..65).map(|second| admit(&mut budget, 1, second)).collect();
        assert_eq!(admitted, [Admission::Write, Admission::Count, Admission::Count]);
        assert_eq!((budget.take_all(), budget.take_all()), (Some(Suppressed { attempts: 2 }), None));
    }
}
