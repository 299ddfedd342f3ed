//! Calls of unauthenticated callers that wait for another service: the real STS, an issuer of tokens, or ECS for a
//! claimed key. Their connections cannot be displaced meanwhile, so their number is limited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::budget::Source;

/// The places for waiting calls. Each call also occupies a connection slot.
#[derive(Debug)]
pub(crate) struct WaitingCalls {
    /// Three quarters of the connection slots. The rest are left for calls that can be answered at once.
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    sources: HashMap<Source, usize>,
}

/// A place, released on drop.
#[derive(Debug)]
pub(crate) struct WaitingPlace {
    all: Arc<WaitingCalls>,
    source: Source,
}

/// Too many calls of unauthenticated callers wait: no place is free for this source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyWaiting;

impl WaitingCalls {
    pub(crate) fn new(connections: usize) -> Arc<Self> {
        Arc::new(Self { most: (connections * 3 / 4).max(1), waiting: Mutex::default() })
    }

    /// Takes a place. A third of the places are reserved for sources that hold few of them.
    ///
    /// # Errors
    /// No place is free: the call must not wait.
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
    fn a_busy_source_leaves_places_for_others_and_all_together_leave_slots() {
        let calls = WaitingCalls::new(1024);
        let source = |last: u8| Source::from(IpAddr::from([192, 0, 2, last]));
        let mut held: Vec<_> = (0..512).map(|_| calls.enter(source(1)).unwrap()).collect();
        assert_eq!(calls.enter(source(1)).unwrap_err(), TooManyWaiting);
        for last in 2..34 {
            held.extend((0..8).map(|_| calls.enter(source(last)).unwrap()));
            assert_eq!(calls.enter(source(last)).unwrap_err(), TooManyWaiting);
        }
        assert_eq!(held.len(), 768);
        assert_eq!(calls.enter(source(99)).unwrap_err(), TooManyWaiting, "a quarter of the slots is left");
        held.pop();
        assert!(calls.enter(source(99)).is_ok());
        drop(held);
        assert!(calls.lock().sources.is_empty() && calls.lock().all == 0);
    }
}
