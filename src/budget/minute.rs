//! A holder's usage in the current minute, and a bounded table of holders.

use std::collections::HashMap;
use std::time::Duration;

use super::holder::Holder;
use super::item::{BudgetBound, BudgetError, BudgetItem, HolderKind};

/// The maximum number of holders in one shard.
const MOST: usize = 4096;
const MINUTE: Duration = Duration::from_secs(60);
/// The minimum time between two sweeps of a full shard.
const SWEEP: Duration = Duration::from_secs(1);

/// The usage since the minute began.
#[derive(Debug, Default)]
pub(super) struct Minute {
    since: Duration,
    pub(super) used: [u64; BudgetItem::ALL.len()],
    /// Digests of the kinds of refusal seen in this minute.
    pub(super) kinds: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Shard {
    minutes: HashMap<Holder, Minute>,
    /// Shared by all holders that the shard has no room for.
    others: Minute,
    swept: Duration,
}

/// Whether a holder has a minute of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Own,
    Shared,
}

impl Minute {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= MINUTE
    }

    /// Starts a new minute once the current one is over.
    pub(super) fn begin(&mut self, now: Duration) {
        if self.is_over(now) {
            *self = Self { since: now, ..Self::default() };
        }
    }

    /// Whether there is room for one more.
    pub(super) fn check(
        &self,
        limit: u64,
        whose: HolderKind,
        item: BudgetItem,
        now: Duration,
    ) -> Result<(), BudgetError> {
        if self.used[item as usize] < limit {
            return Ok(());
        }
        let retry_after = (self.since + MINUTE).saturating_sub(now);
        Err(BudgetError { whose, item, bound: BudgetBound::AMinute(limit), retry_after })
    }
}

impl Shard {
    pub(super) fn minute(&mut self, holder: &Holder, now: Duration) -> (&mut Minute, Room) {
        if !self.minutes.contains_key(holder) {
            self.make_room(now);
            if self.minutes.len() < MOST {
                self.minutes.insert(holder.clone(), Minute { since: now, ..Minute::default() });
            }
        }
        let (minute, room) = match self.minutes.get_mut(holder) {
            Some(minute) => (minute, Room::Own),
            None => (&mut self.others, Room::Shared),
        };
        minute.begin(now);
        (minute, room)
    }

    /// Drops expired minutes: their usage no longer counts.
    fn make_room(&mut self, now: Duration) {
        if self.minutes.len() >= MOST && now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.minutes.retain(|_, minute| !minute.is_over(now));
        }
    }
}
