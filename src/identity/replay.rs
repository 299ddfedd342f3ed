//! The memory of nonces: a signed call is accepted once.
//!
//! Bounded, and closed when it is full: a nonce that could still be replayed is never forgotten to make room
//! (`spec/wire-protocol.md` 2.4, design 8).

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Remembers which nonces were used with which key. One step: what two threads ask at once, one of them gets.
pub trait NonceMemory: Send + Sync {
    /// # Errors
    /// A nonce that was used within the memory's span, or a memory that has no room for it.
    fn remember(&self, access_key_id: &str, nonce: &str, now: Timestamp) -> Result<(), NonceFault>;

    /// How many nonces are held.
    fn held(&self) -> usize {
        0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceFault {
    #[error("The request signature nonce has been used.")]
    Used,
    #[error("the nonce memory is full: try again in a minute, or raise `nonce_capacity`")]
    Full,
    #[error(
        "the nonce memory holds as many nonces of this key as one key may have: call less often, or raise `nonce_share`"
    )]
    ShareUsedUp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonceLimits {
    /// How long a nonce is remembered: at least twice the clock window.
    pub span: Duration,
    /// How many nonces are held.
    pub capacity: usize,
    /// The part of them that one key may hold, 0 to 1.
    pub share: f64,
}

/// Keyed digests of 64 bits, forgotten by the minute. About 40 bytes a nonce.
#[derive(Debug)]
pub struct InMemoryNonces {
    limits: NonceLimits,
    share: usize,
    keyed: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashSet<u64, Digested>,
    minutes: VecDeque<Minute>,
    by_key: HashMap<u64, usize, Digested>,
}

#[derive(Debug)]
struct Minute {
    number: i64,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    nonce: u64,
    key: u64,
}

impl InMemoryNonces {
    pub fn new(limits: NonceLimits) -> Self {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let share = ((limits.capacity as f64 * limits.share) as usize).clamp(1, limits.capacity.max(1));
        Self { limits, share, keyed: RandomState::new(), state: Mutex::default() }
    }

    /// How many nonces are held.
    pub fn len(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).held.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl NonceMemory for InMemoryNonces {
    fn held(&self) -> usize {
        self.len()
    }

    fn remember(&self, access_key_id: &str, nonce: &str, now: Timestamp) -> Result<(), NonceFault> {
        let entry =
            Entry { nonce: self.keyed.hash_one((access_key_id, nonce)), key: self.keyed.hash_one(access_key_id) };
        let number = now.as_second().div_euclid(60);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.forget_before(number - self.limits.span.as_secs().div_ceil(60).try_into().unwrap_or(i64::MAX));
        if state.held.contains(&entry.nonce) {
            return Err(NonceFault::Used);
        }
        if state.held.len() >= self.limits.capacity {
            return Err(NonceFault::Full);
        }
        if state.by_key.get(&entry.key).is_some_and(|held| *held >= self.share) {
            return Err(NonceFault::ShareUsedUp);
        }
        state.insert(entry, number);
        Ok(())
    }
}

impl State {
    fn insert(&mut self, entry: Entry, number: i64) {
        self.held.insert(entry.nonce);
        *self.by_key.entry(entry.key).or_default() += 1;
        match self.minutes.back_mut() {
            // A clock that steps back must not shorten anybody's span.
            Some(minute) if minute.number >= number => minute.entries.push(entry),
            _ => self.minutes.push_back(Minute { number, entries: vec![entry] }),
        }
    }

    /// Drops the minutes whose last second is more than the span ago.
    fn forget_before(&mut self, oldest: i64) {
        while self.minutes.front().is_some_and(|minute| minute.number < oldest) {
            let Some(minute) = self.minutes.pop_front() else { return };
            for entry in minute.entries {
                self.held.remove(&entry.nonce);
                if let Some(held) = self.by_key.get_mut(&entry.key) {
                    *held -= 1;
                    if *held == 0 {
                        self.by_key.remove(&entry.key);
                    }
                }
            }
        }
    }
}

/// The digests are keyed already: hashing them again would add nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Digested;

#[derive(Debug, Default)]
struct AsIs(u64);

impl BuildHasher for Digested {
    type Hasher = AsIs;

    fn build_hasher(&self) -> AsIs {
        AsIs::default()
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(capacity: usize, share: f64) -> InMemoryNonces {
        InMemoryNonces::new(NonceLimits { span: Duration::from_secs(31 * 60), capacity, share })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_nonce_is_accepted_once_within_the_span() {
        let memory = memory(10, 1.0);
        assert_eq!(memory.remember("a", "n", at(0)), Ok(()));
        assert_eq!(memory.remember("a", "n", at(31 * 60)), Err(NonceFault::Used));
        assert_eq!(memory.remember("b", "n", at(1)), Ok(()));
        assert_eq!(memory.remember("a", "n", at(33 * 60)), Ok(()));
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let memory = memory(2, 1.0);
        assert_eq!(memory.remember("a", "1", at(0)), Ok(()));
        assert_eq!(memory.remember("b", "2", at(0)), Ok(()));
        assert_eq!(memory.remember("c", "3", at(0)), Err(NonceFault::Full));
        assert_eq!(memory.remember("a", "1", at(0)), Err(NonceFault::Used));
    }

    #[test]
    fn one_key_cannot_fill_the_memory() {
        let memory = memory(4, 0.5);
        assert_eq!(memory.remember("a", "1", at(0)), Ok(()));
        assert_eq!(memory.remember("a", "2", at(0)), Ok(()));
        assert_eq!(memory.remember("a", "3", at(0)), Err(NonceFault::ShareUsedUp));
        assert_eq!(memory.remember("b", "1", at(0)), Ok(()));
    }

    #[test]
    fn a_clock_that_steps_back_keeps_every_nonce() {
        let memory = memory(10, 1.0);
        assert_eq!(memory.remember("a", "1", at(600)), Ok(()));
        assert_eq!(memory.remember("a", "2", at(0)), Ok(()));
        assert_eq!(memory.remember("a", "1", at(0)), Err(NonceFault::Used));
        assert_eq!(memory.remember("a", "2", at(31 * 60)), Err(NonceFault::Used));
    }
}
