//! Who has used how much in the current minute.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::holder::{Holder, Who};
use super::item::{Item, Throttled, Whose};
use super::limits::{BudgetLimits, PerMinute};
use super::minute::{Minute, Room, Shard};

/// So that callers on different cores seldom wait for each other.
const SHARDS: usize = 16;
/// What all holders for whom a shard has no room may use together, in shares of one.
const OTHERS: u64 = 10;
/// What all sources together may use, in shares of one, where no setting says it.
const STRANGERS: u64 = 10;
/// Of what all sources together may use, one share in so many is kept for sources that have used little.
const KEPT: u64 = 3;
/// Little is one share in so many of a source's own budget.
const LITTLE: u64 = 20;
/// Kinds of refusal of which a holder's first in a minute is always written.
const KINDS_OF_PRINCIPAL: usize = 64;
const KINDS_OF_OTHERS: usize = 16;

/// The budgets of all holders. A holder's minute begins with its first charge. A holder whose minute is under way is
/// never forgotten to make room, so nobody gets a new minute by crowding a shard; newcomers then share one budget.
#[derive(Debug)]
pub struct Budgets {
    of_principal: PerMinute,
    of_half: PerMinute,
    of_source: PerMinute,
    of_strangers: PerMinute,
    hasher: RandomState,
    /// Principals apart from everybody else: strangers must not be able to crowd them.
    principals: Vec<Mutex<Shard>>,
    others: Vec<Mutex<Shard>>,
    strangers: Mutex<Minute>,
    /// Refusals since the start, by the table of limits and the item.
    refused: [[AtomicU64; Item::ALL.len()]; 2],
}

/// How much of its own budget the holder has used on whose behalf a wider one is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Little,
    Much,
}

impl Usage {
    fn of(used: u64, limit: u64) -> Self {
        if used < (limit / LITTLE).max(1) { Self::Little } else { Self::Much }
    }

    /// How much of a wider holder's limit is open to such a holder: a few sources that use up all of theirs leave a
    /// share of what all have together to those that use little.
    fn open_of(self, limit: u64, wider: &Holder) -> u64 {
        match (self, &wider.who) {
            (Self::Much, Who::Strangers) => limit - limit / KEPT,
            _ => limit,
        }
    }
}

impl Budgets {
    pub fn new(limits: BudgetLimits) -> Self {
        let BudgetLimits { principal, source, strangers_lines } = limits;
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            of_principal: principal,
            // One source gets at most half of what a principal has.
            of_half: principal.map(|limit| limit.div_ceil(2)),
            of_source: source,
            of_strangers: PerMinute {
                refused_lines: strangers_lines,
                refused_bytes: source.refused_bytes.saturating_mul(STRANGERS),
                exchanges: source.exchanges.saturating_mul(STRANGERS),
                logged_refusals: source.logged_refusals,
                ..source.map(|_| u64::MAX)
            },
            hasher: RandomState::new(),
            principals: shards(),
            others: shards(),
            strangers: Mutex::default(),
            refused: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
        }
    }

    /// Charges one `item` to its holder, and to the wider holders that answer for it. `now` is monotonic.
    ///
    /// # Errors
    /// A budget that is used up; nothing was charged then.
    pub fn charge(&self, holder: &Holder, item: Item, now: Duration) -> Result<(), Throttled> {
        self.charged(holder, item, Usage::Little, now).inspect_err(|throttled| self.count(throttled))
    }

    fn count(&self, throttled: &Throttled) {
        self.refused[throttled.whose as usize][throttled.item as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn charged(&self, holder: &Holder, item: Item, usage: Usage, now: Duration) -> Result<(), Throttled> {
        let usage = self.with(holder, now, |minute, limits| {
            let limit = limits.of(item);
            minute.check(usage.open_of(limit, holder), holder.whose(), item, now)?;
            let usage = Usage::of(minute.used[item as usize], limit);
            minute.used[item as usize] += 1;
            Ok(usage)
        })?;
        let Some(wider) = holder.wider() else { return Ok(()) };
        self.charged(&wider, item, usage, now).inspect_err(|_| {
            self.with(holder, now, |minute, _| {
                minute.used[item as usize] = minute.used[item as usize].saturating_sub(1);
            });
        })
    }

    /// Whether the holder, and those who answer for it, have room for one more `item`.
    ///
    /// # Errors
    /// A budget that is used up.
    pub fn check(&self, holder: &Holder, item: Item, now: Duration) -> Result<(), Throttled> {
        self.checked(holder, item, Usage::Little, now).inspect_err(|throttled| self.count(throttled))
    }

    fn checked(&self, holder: &Holder, item: Item, usage: Usage, now: Duration) -> Result<(), Throttled> {
        let usage = self.with(holder, now, |minute, limits| {
            let limit = limits.of(item);
            minute.check(usage.open_of(limit, holder), holder.whose(), item, now)?;
            Ok(Usage::of(minute.used[item as usize], limit))
        })?;
        holder.wider().map_or(Ok(()), |wider| self.checked(&wider, item, usage, now))
    }

    /// Charges usage that has already happened, even beyond the limit.
    pub fn spend(&self, holder: &Holder, item: Item, amount: u64, now: Duration) {
        self.with(holder, now, |minute, _| {
            minute.used[item as usize] = minute.used[item as usize].saturating_add(amount);
        });
        if let Some(wider) = holder.wider() {
            self.spend(&wider, item, amount, now);
        }
    }

    /// Whether something of this kind, a digest, comes for the first time in the holder's minute. Bounded: beyond so
    /// many kinds none does.
    pub fn is_first(&self, holder: &Holder, kind: u64, now: Duration) -> bool {
        let most = if holder.is_principal() { KINDS_OF_PRINCIPAL } else { KINDS_OF_OTHERS };
        self.with(holder, now, |minute, _| {
            let first = minute.kinds.len() < most && !minute.kinds.contains(&kind);
            if first {
                minute.kinds.push(kind);
            }
            first
        })
    }

    /// How often a budget was used up, since the start.
    pub fn refusals(&self) -> impl Iterator<Item = (Whose, Item, u64)> + '_ {
        let count = |whose: Whose, item: Item| self.refused[whose as usize][item as usize].load(Ordering::Relaxed);
        let all = [Whose::Principal, Whose::Source].into_iter();
        all.flat_map(move |whose| Item::ALL.into_iter().map(move |item| (whose, item, count(whose, item))))
    }

    /// Works on the holder's minute, with the limits of its kind.
    fn with<T>(&self, holder: &Holder, now: Duration, work: impl FnOnce(&mut Minute, &PerMinute) -> T) -> T {
        let (shards, limits) = match holder.who {
            Who::Strangers => {
                let mut minute = lock(&self.strangers);
                minute.begin(now);
                return work(&mut minute, &self.of_strangers);
            }
            Who::Principal(_) => (&self.principals, &self.of_principal),
            Who::Claimed(..) | Who::PrincipalAt(..) => (&self.others, &self.of_half),
            Who::Source(_) | Who::Account(_) => (&self.others, &self.of_source),
        };
        let at = usize::try_from(self.hasher.hash_one(holder) % SHARDS as u64).unwrap_or_default();
        let mut shard = lock(&shards[at]);
        match shard.minute(holder, now) {
            (minute, Room::Own) => work(minute, limits),
            (minute, Room::Shared) => work(minute, &limits.map(|limit| limit.saturating_mul(OTHERS))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::holder::Source;
    use super::super::item::Bound;
    use super::*;
    use crate::ram::{Identity, Principal};

    fn principal(name: &str) -> Holder {
        Holder::principal(Principal::new("1".parse().unwrap(), Identity::User(name.into())))
    }

    fn source(address: &str) -> Source {
        address.parse::<IpAddr>().unwrap().into()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn budgets(limit: u64) -> Budgets {
        let principal = PerMinute::OF_PRINCIPAL.map(|_| limit);
        Budgets::new(BudgetLimits { principal, source: principal.map(|limit| limit * 3), strangers_lines: 7 })
    }

    #[test]
    fn a_budget_lasts_a_minute_from_its_first_charge() {
        let (budgets, bob) = (budgets(2), principal("bob"));
        for second in [59, 100] {
            assert_eq!(budgets.charge(&bob, Item::Lookups, at(second)), Ok(()));
        }
        let throttled = budgets.charge(&bob, Item::Lookups, at(110)).unwrap_err();
        assert_eq!(
            (throttled.whose, throttled.bound, throttled.retry_after),
            (Whose::Principal, Bound::AMinute(2), at(9))
        );
        assert_eq!(
            throttled.to_string(),
            "the budget of this principal is used up: at most 2 a minute, of look-ups of facts at ECS"
        );
        assert_eq!(budgets.charge(&bob, Item::Keys, at(110)), Ok(()), "each item has a budget of its own");
        assert_eq!(budgets.charge(&principal("alice"), Item::Lookups, at(110)), Ok(()));
        assert_eq!(budgets.charge(&bob, Item::Lookups, at(119)), Ok(()));
        let refused: Vec<_> = budgets.refusals().filter(|(.., count)| *count > 0).collect();
        assert_eq!(refused, [(Whose::Principal, Item::Lookups, 1)]);
    }

    #[test]
    fn a_claimed_key_has_half_a_budget_at_each_source_and_the_source_answers_for_it() {
        let budgets = budgets(4);
        let claimed = |address: &str, key: &str| Holder::claimed(source(address), key.parse().unwrap());
        let charge = |claimed: &Holder| budgets.charge(claimed, Item::ClaimedCalls, at(0)).is_ok();
        let charged = |address: &str, key: &str| (0..20).filter(|_| charge(&claimed(address, key))).count();
        assert_eq!(charged("192.0.2.1", "LTAIa"), 2, "half of the principal's");
        assert_eq!(charged("192.0.2.2", "LTAIa"), 2, "elsewhere it is another's claim");
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7].map(|key| charged("192.0.2.1", &format!("LTAI{key}"))).iter().sum::<usize>(),
            10
        );
        // What its source has no room for is not charged to the key either.
        assert_eq!(budgets.check(&claimed("192.0.2.1", "LTAI9"), Item::Keys, at(0)), Ok(()));
    }

    #[test]
    fn all_sources_together_have_a_budget_of_lines() {
        let budgets = budgets(100);
        let charge =
            |last: u64| budgets.charge(&Holder::source(source(&format!("192.0.2.{last}"))), Item::RefusedLines, at(0));
        assert_eq!((0..20).filter(|last| charge(*last).is_ok()).count(), 7);
    }

    #[test]
    fn a_few_sources_do_not_use_up_what_all_have_together() {
        let source_limits = PerMinute::OF_SOURCE.map(|_| 60);
        let limits = BudgetLimits { source: source_limits, ..BudgetLimits::default() };
        let budgets = Budgets::new(limits);
        let ask = |last: u64| {
            let holder = Holder::source(source(&format!("192.0.2.{last}")));
            budgets.check(&holder, Item::Exchanges, at(0)).is_ok()
                && budgets.charge(&holder, Item::Exchanges, at(0)).is_ok()
        };
        let asked: usize = (1..=20).map(|last| (0..100).filter(|_| ask(last)).count()).sum();
        assert_eq!(asked, 400 + 13 * 3, "two thirds of 600, and the first three of each source that came too late");
        assert_eq!((0..100).filter(|_| ask(99)).count(), 3, "a source that asks little is not shut out");
    }

    #[test]
    fn a_kind_is_first_once_a_minute_and_kinds_are_bounded() {
        let (budgets, bob) = (budgets(1), principal("bob"));
        assert!(
            budgets.is_first(&bob, 1, at(0)) && !budgets.is_first(&bob, 1, at(59)) && budgets.is_first(&bob, 1, at(60))
        );
        assert_eq!((100..1000).filter(|kind| budgets.is_first(&bob, *kind, at(61))).count(), KINDS_OF_PRINCIPAL - 1);
    }

    #[test]
    fn a_crowd_of_sources_gives_nobody_a_new_minute() {
        let budgets = budgets(1);
        let holder = |at: u64| Holder::source(Source::V6(at));
        let first = holder(0);
        (0..3).for_each(|_| budgets.charge(&first, Item::Keys, at(0)).unwrap());
        let crowd = (1..200_000).filter(|at_| budgets.charge(&holder(*at_), Item::Keys, at(1)).is_ok()).count();
        assert!(budgets.charge(&first, Item::Keys, at(2)).is_err(), "its minute is under way");
        assert!(crowd < 70_000, "{crowd}: those for whom there is no room share a budget");
        assert_eq!(budgets.charge(&holder(1 << 40), Item::Keys, at(62)), Ok(()), "minutes that are over make room");
    }
}
