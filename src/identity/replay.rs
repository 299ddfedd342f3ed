//! Replay protection: a signed call is accepted once.
//!
//! The nonce memory is bounded and refuses calls when it is full. It never forgets a nonce that could still be replayed
//! (`docs/spec/wire-protocol.md` 2.4).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use jiff::Timestamp;

use ram_policy::Principal;

use super::nonce_table::{DigestKey, Moment, NonceTable};

/// Remembers which nonces were used with which key. Atomic: of two concurrent calls with the same nonce, one is
/// accepted.
pub trait NonceMemory: Send + Sync {
    /// Accepts a nonce that the key has not used before. The owner of the key may use only its share of the capacity.
    ///
    /// # Errors
    /// A used nonce, a date for which accepted nonces have been forgotten, or no room.
    fn remember(&self, signed: SignedNonce<'_>, now: Timestamp) -> Result<(), NonceError>;

    /// The number of nonces held.
    fn held(&self) -> usize {
        0
    }
}

/// The nonce of a verified call.
#[derive(Clone, Copy, Debug)]
pub struct SignedNonce<'a> {
    /// The principal that owns the key.
    pub holder: &'a Principal,
    /// The key that signed the call. Each key has nonces of its own.
    pub access_key_id: &'a str,
    /// The nonce as the call states it; for a [`SignedIdentity`](super::SignedIdentity), its signature.
    pub nonce: &'a str,
    /// When the call was signed, by the caller's clock.
    pub signed_at: Timestamp,
}

/// Why a nonce is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// The key has used the nonce before: the call is a replay.
    #[error("The request signature nonce has been used.")]
    Used,
    /// The call is dated at a time whose nonces are no longer remembered, so a replay could not be recognised.
    #[error(
        "the call is dated at a time for which this gateway has already forgotten accepted calls: try again with \
         a new signature"
    )]
    Forgotten,
    /// The memory holds [`NonceLimits::capacity`] nonces.
    #[error("the nonce memory is full: try again in a minute, or raise `nonce_capacity`")]
    Full,
    /// The principal has used up its [`NonceLimits::share`] of the capacity.
    #[error(
        "the nonce memory holds the maximum number of nonces of this caller: call less often, or raise `nonce_share`"
    )]
    ShareUsedUp,
}

/// The bounds of a nonce memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonceLimits {
    /// How long a nonce is remembered: at least twice the clock window.
    pub span: Duration,
    /// The maximum number of nonces held.
    pub capacity: usize,
    /// The fraction of the capacity that one principal may use, 0 to 1.
    pub share: f64,
}

/// A nonce memory that is lost when the process exits.
#[derive(Debug)]
pub struct InMemoryNonces {
    key: DigestKey,
    steady: fn() -> Duration,
    table: Mutex<NonceTable>,
}

impl InMemoryNonces {
    /// `steady` reads a monotonic clock.
    pub fn new(limits: NonceLimits, steady: fn() -> Duration) -> Self {
        let mut key = [0; 16];
        rand::fill(&mut key).expect("the system gives random bytes");
        Self { key: DigestKey(key), steady, table: Mutex::new(NonceTable::new(limits)) }
    }
}

impl NonceMemory for InMemoryNonces {
    fn held(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).held()
    }

    fn remember(&self, signed: SignedNonce<'_>, now: Timestamp) -> Result<(), NonceError> {
        let used = self.key.digest(signed);
        let now = Moment { wall: now.as_second(), steady: (self.steady)() };
        self.table.lock().unwrap_or_else(PoisonError::into_inner).accept(used, now)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static STEADY: Cell<u64> = const { Cell::new(0) };
    }

    struct Bench {
        memory: InMemoryNonces,
        principal: Principal,
    }

    impl Bench {
        fn new(capacity: usize, share: f64) -> Self {
            STEADY.set(0);
            let limits = NonceLimits { span: Duration::from_secs(31 * 60), capacity, share };
            let memory = InMemoryNonces::new(limits, || Duration::from_secs(STEADY.get()));
            Self { memory, principal: principal("user/alice") }
        }

        /// A call that is signed and accepted at once.
        fn call(&self, key: &str, nonce: &str, second: i64) -> Result<(), NonceError> {
            self.signed(key, nonce, second, second)
        }

        fn signed(&self, key: &str, nonce: &str, signed_at: i64, now: i64) -> Result<(), NonceError> {
            let holder = &self.principal;
            self.memory.remember(SignedNonce { holder, access_key_id: key, nonce, signed_at: at(signed_at) }, at(now))
        }
    }

    fn principal(name: &str) -> Principal {
        Principal::new("1234567890123456".parse().unwrap(), name.parse().unwrap())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_nonce_is_accepted_once_within_the_span() {
        let bench = Bench::new(10, 1.0);
        assert_eq!(bench.call("a", "n", 0), Ok(()));
        STEADY.set(31 * 60);
        assert_eq!(bench.call("a", "n", 31 * 60), Err(NonceError::Used));
        assert_eq!(bench.call("b", "n", 1), Ok(()));
        STEADY.set(64 * 60);
        assert_eq!(bench.call("a", "n", 64 * 60), Ok(()));
        assert_eq!(bench.memory.held(), 1);
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let bench = Bench::new(2, 1.0);
        assert_eq!(bench.call("a", "1", 0), Ok(()));
        assert_eq!(bench.call("b", "2", 0), Ok(()));
        assert_eq!(bench.call("c", "3", 0), Err(NonceError::Full));
        assert_eq!(bench.call("a", "1", 0), Err(NonceError::Used));
    }

    #[test]
    fn one_principal_cannot_fill_the_memory_with_several_keys() {
        let bench = Bench::new(4, 0.5);
        assert_eq!(bench.call("a", "1", 0), Ok(()));
        assert_eq!(bench.call("b", "2", 0), Ok(()));
        assert_eq!(bench.call("c", "3", 0), Err(NonceError::ShareUsedUp));
        let bob = SignedNonce { holder: &principal("user/bob"), access_key_id: "d", nonce: "1", signed_at: at(0) };
        assert_eq!(bench.memory.remember(bob, at(0)), Ok(()));
        // Forgotten nonces no longer count.
        STEADY.set(40 * 60);
        assert_eq!(bench.call("c", "3", 40 * 60), Ok(()));
        assert_eq!(bench.call("c", "4", 40 * 60), Ok(()));
    }

    #[test]
    fn a_wall_clock_that_steps_reopens_nothing() {
        const HOUR: i64 = 3600;
        // Forward: by the monotonic clock, no time has passed.
        let bench = Bench::new(10, 1.0);
        assert_eq!(bench.call("a", "1", 0), Ok(()));
        assert_eq!(bench.call("a", "2", HOUR), Ok(()));
        assert_eq!(bench.call("a", "1", 0), Err(NonceError::Used), "the clock was corrected");
        // Back: by the wall clock, the nonce's time is in the future.
        let bench = Bench::new(10, 1.0);
        assert_eq!(bench.call("a", "1", HOUR), Ok(()));
        STEADY.set(10_000);
        assert_eq!(bench.call("a", "2", 0), Ok(()));
        STEADY.set(20_000);
        assert_eq!(bench.call("a", "1", HOUR), Err(NonceError::Used));
    }

    #[test]
    fn calls_dated_in_a_forgotten_time_are_refused() {
        let bench = Bench::new(10, 1.0);
        assert_eq!(bench.call("a", "1", 0), Ok(()));
        assert_eq!(bench.call("b", "1", -600), Ok(()));
        STEADY.set(10_000);
        assert_eq!(bench.call("a", "2", 10_000), Ok(()));
        assert_eq!(bench.memory.held(), 1);
        // The wall clock is set back, so the old call would be in the window again.
        assert_eq!(bench.signed("a", "1", 0, 60), Err(NonceError::Forgotten));
        assert_eq!(bench.signed("a", "never used", -120, 60), Err(NonceError::Forgotten));
        assert_eq!(bench.signed("b", "never used", -120, 60), Ok(()), "each key has a date of its own");
    }

    #[test]
    fn a_call_signed_ahead_of_the_clock_is_remembered_until_its_date_has_passed() {
        let bench = Bench::new(10, 1.0);
        assert_eq!(bench.signed("a", "1", 900, 0), Ok(()));
        STEADY.set(31 * 60 + 1);
        assert_eq!(bench.signed("a", "1", 900, 31 * 60 - 120), Err(NonceError::Used));
    }
}
