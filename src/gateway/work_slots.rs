//! Limits concurrent work, for each holder and for all together, so that slow work of one holder does not block the
//! others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::budget::Holder;

/// Slots for one kind of work. The first item of each holder has a pool of its own, so that a few busy holders leave
/// room for a holder with nothing in progress.
#[derive(Debug)]
pub(crate) struct WorkSlots {
    of_each: usize,
    /// Limit for one holder's work, in progress and waiting.
    entrants_of_each: usize,
    first: Arc<Semaphore>,
    more: Arc<Semaphore>,
    holders: Mutex<HashMap<Holder, Entry>>,
}

#[derive(Debug)]
struct Entry {
    slots: Arc<Semaphore>,
    entrants: usize,
    under_way: usize,
}

/// A holder's work that waits for a slot or has one. Dropping the last one of a holder removes the holder.
#[derive(Debug)]
pub(crate) struct Entrant {
    all: Arc<WorkSlots>,
    holder: Holder,
    slots: Arc<Semaphore>,
}

/// A slot, released on drop.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    entrant: &'a Entrant,
    own: Option<OwnedSemaphorePermit>,
    of_all: Option<OwnedSemaphorePermit>,
}

impl WorkSlots {
    /// `of_all` slots, at most `of_each` of them for one holder. A quarter is kept for the first item of each holder.
    pub(crate) fn new(of_all: usize, of_each: usize, entrants_of_each: usize) -> Arc<Self> {
        let first = (of_all / 4).max(1);
        Arc::new(Self {
            of_each,
            entrants_of_each,
            first: Arc::new(Semaphore::new(first)),
            more: Arc::new(Semaphore::new(of_all.saturating_sub(first).max(1))),
            holders: Mutex::default(),
        })
    }

    /// `None` if the holder already has too much work in progress or waiting.
    pub(crate) fn enter(self: &Arc<Self>, holder: &Holder) -> Option<Entrant> {
        let mut holders = self.lock();
        let new = || Entry { slots: Arc::new(Semaphore::new(self.of_each)), entrants: 0, under_way: 0 };
        let entry = holders.entry(holder.clone()).or_insert_with(new);
        if entry.entrants >= self.entrants_of_each {
            return None;
        }
        entry.entrants += 1;
        Some(Entrant { all: Arc::clone(self), holder: holder.clone(), slots: Arc::clone(&entry.slots) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Holder, Entry>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entrant {
    /// Waits for a slot: first behind the holder's other work, then behind other holders in the same pool.
    pub(crate) async fn slot(&self) -> Slot<'_> {
        let own = Arc::clone(&self.slots).acquire_owned().await.ok();
        let is_first = self.all.lock().get_mut(&self.holder).is_none_or(|entry| {
            entry.under_way += 1;
            entry.under_way == 1
        });
        let mut slot = Slot { entrant: self, own, of_all: None };
        let pool = if is_first { &self.all.first } else { &self.all.more };
        slot.of_all = Arc::clone(pool).acquire_owned().await.ok();
        slot
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entrant.all.lock().get_mut(&self.entrant.holder) {
            entry.under_way -= 1;
        }
        drop((self.of_all.take(), self.own.take()));
    }
}

impl Drop for Entrant {
    fn drop(&mut self) {
        let mut holders = self.all.lock();
        if let Some(entry) = holders.get_mut(&self.holder) {
            entry.entrants -= 1;
            if entry.entrants == 0 {
                holders.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn holder(last: u8) -> Holder {
        Holder::source(IpAddr::from([192, 0, 2, last]).into())
    }

    async fn is_free(entrant: &Entrant) -> bool {
        timeout(Duration::from_millis(20), entrant.slot()).await.is_ok()
    }

    #[tokio::test]
    async fn a_busy_holder_does_not_block_the_others() {
        // Three slots for first items, nine for further ones.
        let slots = WorkSlots::new(12, 6, 7);
        let entrants: Vec<_> = (0..7).map(|_| slots.enter(&holder(1)).unwrap()).collect();
        assert!(slots.enter(&holder(1)).is_none(), "too many of this holder wait already");
        let other: Vec<_> = (0..6).map(|_| slots.enter(&holder(2)).unwrap()).collect();
        let third = slots.enter(&holder(3)).unwrap();
        let mut held = Vec::new();
        for entrant in &entrants[..6] {
            held.push(entrant.slot().await);
        }
        assert!(!is_free(&entrants[6]).await, "the holder has all the slots it may have");
        for entrant in &other[..5] {
            held.push(entrant.slot().await);
        }
        assert!(!is_free(&other[5]).await, "the pool for further items is used up");
        assert!(is_free(&third).await, "the first item of its holder");
        drop(held);
        assert!(is_free(&entrants[6]).await && is_free(&other[5]).await);
        drop((entrants, other, third));
        assert!(slots.lock().is_empty());
    }
}
