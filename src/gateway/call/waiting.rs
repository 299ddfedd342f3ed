//! Calls of callers who have not authenticated that wait for an answer from elsewhere: the real STS, an issuer of tokens,
//! ECS for a claimed key. Their connections cannot be displaced meanwhile, so there is a bound on them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::budget::Source;

/// Who waits, in places that each take one connection slot.
#[derive(Debug)]
pub(crate) struct WaitingCalls {
    /// Three quarters of the connection slots: the others are left to callers who can be answered.
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    sources: HashMap<Source, usize>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct WaitingPlace {
    all: Arc<WaitingCalls>,
    source: Source,
}

/// The source, or all of them together, have as many calls waiting as they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyWaiting;

impl WaitingCalls {
    pub(crate) fn new(connections: usize) -> Arc<Self> {
        Arc::new(Self { most: (connections * 3 / 4).max(1), waiting: Mutex::default() })
    }

    /// A third of the places is kept for sources that have few of them.
    ///
    /// # Errors
    /// No place: the call must not wait.
    pub(crate) fn enter(self: &Arc<Self>, source: Source) -> Result<WaitingPlace, TooManyWaiting> {
        let mut waiting = self.lock();
        let of_source = waiting.sources.get(&source).copied().unwrap_or_default();
        let few = (self.most / 96).max(1);
        let most = if of_source < few { self.most } else { self.most * 2 / 3 };
        if waiting.all >= most {
            return Err(TooManyWaiting);
        }
        waiting.all += 1;
        *waiting.sources.entry(source).or_default() += 1;
        Ok(WaitingPlace { all: Arc::clone(self), source })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        let mut waiting = self.all.lock();
        waiting.all -= 1;
        if let Some(of_source) = waiting.sources.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                waiting.sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn a_source_with_many_waiting_leaves_places_to_others_and_all_leave_slots() {
        let strangers = WaitingCalls::new(1024);
        let source = |last: u8| Source::from(IpAddr::from([192, 0, 2, last]));
        let mut held: Vec<_> = (0..512).map(|_| strangers.enter(source(1)).unwrap()).collect();
        assert_eq!(strangers.enter(source(1)).unwrap_err(), TooManyWaiting);
        for last in 2..34 {
            held.extend((0..8).map(|_| strangers.enter(source(last)).unwrap()));
            assert_eq!(strangers.enter(source(last)).unwrap_err(), TooManyWaiting);
        }
        assert_eq!(held.len(), 768);
        assert_eq!(strangers.enter(source(99)).unwrap_err(), TooManyWaiting, "a quarter of the slots is for others");
        held.pop();
        assert!(strangers.enter(source(99)).is_ok());
        drop(held);
        assert!(strangers.lock().sources.is_empty() && strangers.lock().all == 0);
    }
}
