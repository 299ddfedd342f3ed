//! The table of budgets.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::holder::{Holder, Party};
use super::item::{BudgetError, BudgetItem, HolderKind};
use super::limits::{BudgetLimits, PerMinute};
use super::minute::{Minute, Room, Shard};

/// Sharded so that callers on different cores rarely wait for each other.
const SHARDS: usize = 16;
/// The budget shared by all holders that a shard has no room for, as a multiple of one holder's budget.
const OTHERS: u64 = 10;
/// The budget of all sources together, as a multiple of one source's budget, unless a setting defines it.
const ALL_SOURCES: u64 = 10;
/// One part in this many of the budget of all sources is reserved for sources that have used little.
const KEPT: u64 = 3;
/// A source has used little if it has used less than one part in this many of its own budget.
const LITTLE: u64 = 20;
/// The number of kinds of refusal for which a holder's first refusal in a minute is recognised.
const KINDS_OF_PRINCIPAL: usize = 64;
const KINDS_OF_OTHERS: usize = 16;

/// The budgets of all holders. A holder's minute begins with its first charge. A holder is never evicted before its
/// minute is over, so an attacker cannot reset a budget by crowding a shard; new holders then share one budget.
#[derive(Debug)]
pub struct Budgets {
    of_principal: PerMinute,
    of_half: PerMinute,
    of_source: PerMinute,
    of_all_sources: PerMinute,
    hasher: RandomState,
    /// Principals have shards of their own, so that unidentified callers cannot crowd them out.
    principals: Vec<Mutex<Shard>>,
    others: Vec<Mutex<Shard>>,
    all_sources: Mutex<Minute>,
    /// The number of refusals since the start, by table of limits and item.
    refused: [[AtomicU64; BudgetItem::ALL.len()]; 2],
}

/// How much of its own budget a holder has used when its wider holder is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Little,
    Much,
}

impl Usage {
    fn of(used: u64, limit: u64) -> Self {
        if used < (limit / LITTLE).max(1) { Self::Little } else { Self::Much }
    }

    /// How much of a wider holder's limit this holder may use. Sources that have used much cannot touch the reserve in
    /// the budget of all sources.
    fn open_of(self, limit: u64, wider: &Holder) -> u64 {
        match (self, &wider.party) {
            (Self::Much, Party::AllSources) => limit - limit / KEPT,
            _ => limit,
        }
    }
}

impl Budgets {
    /// Budgets with these limits, all unused.
    pub fn new(limits: BudgetLimits) -> Self {
        let BudgetLimits { principal, source, lines_of_all_sources } = limits;
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            of_principal: principal,
            // From one source, at most half of a principal's budget can be used.
            of_half: principal.map(|limit| limit.div_ceil(2)),
            of_source: source,
            of_all_sources: PerMinute {
                refused_lines: lines_of_all_sources,
                refused_bytes: source.refused_bytes.saturating_mul(ALL_SOURCES),
                exchanges: source.exchanges.saturating_mul(ALL_SOURCES),
                logged_refusals: source.logged_refusals,
                ..source.map(|_| u64::MAX)
            },
            hasher: RandomState::new(),
            principals: shards(),
            others: shards(),
            all_sources: Mutex::default(),
            refused: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
        }
    }

    /// Charges one `item` to a holder and to its wider holders. `now` is monotonic.
    ///
    /// # Errors
    /// A budget is used up. Nothing is charged in that case.
    pub(crate) fn charge(&self, holder: &Holder, item: BudgetItem, now: Duration) -> Result<(), BudgetError> {
        self.charged(holder, item, Usage::Little, now).inspect_err(|error| self.count(error))
    }

    fn count(&self, error: &BudgetError) {
        self.refused[error.whose as usize][error.item as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn charged(&self, holder: &Holder, item: BudgetItem, usage: Usage, now: Duration) -> Result<(), BudgetError> {
        let usage = self.with(holder, now, |minute, limits| {
            let limit = limits.of(item);
            minute.check(usage.open_of(limit, holder), holder.kind(), item, now)?;
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

    /// Checks that a holder and its wider holders have room for one more `item`.
    ///
    /// # Errors
    /// A budget is used up.
    pub(crate) fn check(&self, holder: &Holder, item: BudgetItem, now: Duration) -> Result<(), BudgetError> {
        self.checked(holder, item, Usage::Little, now).inspect_err(|error| self.count(error))
    }

    fn checked(&self, holder: &Holder, item: BudgetItem, usage: Usage, now: Duration) -> Result<(), BudgetError> {
        let usage = self.with(holder, now, |minute, limits| {
            let limit = limits.of(item);
            minute.check(usage.open_of(limit, holder), holder.kind(), item, now)?;
            Ok(Usage::of(minute.used[item as usize], limit))
        })?;
        holder.wider().map_or(Ok(()), |wider| self.checked(&wider, item, usage, now))
    }

    /// Charges usage that has already happened, even beyond the limit.
    pub(crate) fn spend(&self, holder: &Holder, item: BudgetItem, amount: u64, now: Duration) {
        self.with(holder, now, |minute, _| {
            minute.used[item as usize] = minute.used[item as usize].saturating_add(amount);
        });
        if let Some(wider) = holder.wider() {
            self.spend(&wider, item, amount, now);
        }
    }

    /// Whether this is the holder's first refusal of a kind (a digest) in its minute. Always false once the holder has
    /// seen the maximum number of kinds.
    pub(crate) fn is_first(&self, holder: &Holder, kind: u64, now: Duration) -> bool {
        let most = if holder.is_principal() { KINDS_OF_PRINCIPAL } else { KINDS_OF_OTHERS };
        self.with(holder, now, |minute, _| {
            let first = minute.kinds.len() < most && !minute.kinds.contains(&kind);
            if first {
                minute.kinds.push(kind);
            }
            first
        })
    }

    /// How often a budget was found used up since the start.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (HolderKind, BudgetItem, u64)> + '_ {
        let count =
            |whose: HolderKind, item: BudgetItem| self.refused[whose as usize][item as usize].load(Ordering::Relaxed);
        let all = [HolderKind::Principal, HolderKind::Source].into_iter();
        all.flat_map(move |whose| BudgetItem::ALL.into_iter().map(move |item| (whose, item, count(whose, item))))
    }

    /// Runs `work` on the holder's minute, with the limits that apply to it.
    fn with<T>(&self, holder: &Holder, now: Duration, work: impl FnOnce(&mut Minute, &PerMinute) -> T) -> T {
        let (shards, limits) = match holder.party {
            Party::AllSources => {
                let mut minute = lock(&self.all_sources);
                minute.begin(now);
                return work(&mut minute, &self.of_all_sources);
            }
            Party::Principal(_) => (&self.principals, &self.of_principal),
            Party::Claimed(..) | Party::PrincipalAt(..) => (&self.others, &self.of_half),
            Party::Source(_) | Party::Account(_) => (&self.others, &self.of_source),
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
    use super::super::item::BudgetBound;
    use super::*;
    use ram_policy::{Identity, Principal};

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
        Budgets::new(BudgetLimits { principal, source: principal.map(|limit| limit * 3), lines_of_all_sources: 7 })
    }

    #[test]
    fn a_budget_lasts_a_minute_from_its_first_charge() {
        let (budgets, bob) = (budgets(2), principal("bob"));
        for second in [59, 100] {
            assert_eq!(budgets.charge(&bob, BudgetItem::Lookups, at(second)), Ok(()));
        }
        let error = budgets.charge(&bob, BudgetItem::Lookups, at(110)).unwrap_err();
        assert_eq!(
            (error.whose, error.bound, error.retry_after),
            (HolderKind::Principal, BudgetBound::AMinute(2), at(9))
        );
        assert_eq!(
            error.to_string(),
            "the budget of this principal for resource lookups at ECS is used up: at most 2 a minute"
        );
        assert_eq!(budgets.charge(&bob, BudgetItem::Keys, at(110)), Ok(()), "each item has a budget of its own");
        assert_eq!(budgets.charge(&principal("alice"), BudgetItem::Lookups, at(110)), Ok(()));
        assert_eq!(budgets.charge(&bob, BudgetItem::Lookups, at(119)), Ok(()));
        let refused: Vec<_> = budgets.refusals().filter(|(.., count)| *count > 0).collect();
        assert_eq!(refused, [(HolderKind::Principal, BudgetItem::Lookups, 1)]);
    }

    #[test]
    fn a_claimed_key_has_half_a_budget_at_each_source_and_the_source_is_charged_too() {
        let budgets = budgets(4);
        let claimed = |address: &str, key: &str| Holder::claimed(source(address), key.parse().unwrap());
        let charge = |claimed: &Holder| budgets.charge(claimed, BudgetItem::ClaimedCalls, at(0)).is_ok();
        let charged = |address: &str, key: &str| (0..20).filter(|_| charge(&claimed(address, key))).count();
        assert_eq!(charged("192.0.2.1", "LTAIa"), 2, "half of the principal's");
        assert_eq!(charged("192.0.2.2", "LTAIa"), 2, "each source has its own claim");
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 7].map(|key| charged("192.0.2.1", &format!("LTAI{key}"))).iter().sum::<usize>(),
            10
        );
        // A charge that the source has no room for is not charged to the key either.
        assert_eq!(budgets.check(&claimed("192.0.2.1", "LTAI9"), BudgetItem::Keys, at(0)), Ok(()));
    }

    #[test]
    fn all_sources_together_have_a_budget_of_lines() {
        let budgets = budgets(100);
        let charge = |last: u64| {
            budgets.charge(&Holder::source(source(&format!("192.0.2.{last}"))), BudgetItem::RefusedLines, at(0))
        };
        assert_eq!((0..20).filter(|last| charge(*last).is_ok()).count(), 7);
    }

    #[test]
    fn a_few_sources_do_not_use_up_what_all_have_together() {
        let source_limits = PerMinute::OF_SOURCE.map(|_| 60);
        let limits = BudgetLimits { source: source_limits, ..BudgetLimits::default() };
        let budgets = Budgets::new(limits);
        let ask = |last: u64| {
            let holder = Holder::source(source(&format!("192.0.2.{last}")));
            budgets.check(&holder, BudgetItem::Exchanges, at(0)).is_ok()
                && budgets.charge(&holder, BudgetItem::Exchanges, at(0)).is_ok()
        };
        let asked: usize = (1..=20).map(|last| (0..100).filter(|_| ask(last)).count()).sum();
        assert_eq!(asked, 400 + 13 * 3, "two thirds of 600, and the first three calls of each later source");
        assert_eq!((0..100).filter(|_| ask(99)).count(), 3, "a source with few calls is not shut out");
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
    fn a_crowd_of_sources_does_not_reset_a_budget() {
        let budgets = budgets(1);
        let holder = |at: u64| Holder::source(Source::V6(at));
        let first = holder(0);
        (0..3).for_each(|_| budgets.charge(&first, BudgetItem::Keys, at(0)).unwrap());
        let crowd = (1..200_000).filter(|at_| budgets.charge(&holder(*at_), BudgetItem::Keys, at(1)).is_ok()).count();
        assert!(budgets.charge(&first, BudgetItem::Keys, at(2)).is_err(), "its minute is not over");
        assert!(crowd < 70_000, "{crowd}: sources without room in a shard share a budget");
        assert_eq!(
            budgets.charge(&holder(1 << 40), BudgetItem::Keys, at(62)),
            Ok(()),
            "minutes that are over make room"
        );
    }
}
