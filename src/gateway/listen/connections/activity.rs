//! The current phase of a connection, in one atomic word that its task and the connection table share.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

/// Milliseconds since the table was created.
pub(super) type Millis = u64;

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waiting for the caller: in the PROXY header, the handshake or an incomplete head, between two calls, or with an
    /// answer that the caller does not read.
    Waiting,
    /// The head of a call is complete, but its body is not.
    Receiving,
    /// The call is complete and is being answered.
    Answering,
    /// The connection must end because a new one has taken its slot.
    Displaced,
}

/// A phase, and when the connection entered it. The time is 0 while a call is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) since: Millis,
}

/// The state that the connection's task and the table share. A call begins only if the connection was not displaced
/// before, and the table displaces a connection only in the state in which it saw it.
#[derive(Debug)]
pub(super) struct Activity {
    state: AtomicU64,
    /// Cancelled when the connection is displaced, and when the listener drains.
    pub(super) end: CancellationToken,
}

/// The connection was displaced, so its task must not enter the next phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Displaced;

impl State {
    fn from_word(word: u64) -> Self {
        let phase = match word & 3 {
            0 => Phase::Waiting,
            1 => Phase::Receiving,
            2 => Phase::Answering,
            _ => Phase::Displaced,
        };
        Self { phase, since: word >> 2 }
    }

    fn to_word(self) -> u64 {
        self.since << 2 | self.phase as u64
    }
}

impl Activity {
    pub(super) fn new(since: Millis, end: CancellationToken) -> Self {
        Self { state: AtomicU64::new(State { phase: Phase::Waiting, since }.to_word()), end }
    }

    pub(super) fn state(&self) -> State {
        State::from_word(self.state.load(Ordering::Acquire))
    }

    /// Enters a phase.
    ///
    /// # Errors
    /// The connection was displaced in the meantime, and remains so.
    pub(super) fn enter(&self, phase: Phase, since: Millis) -> Result<(), Displaced> {
        let next = State { phase, since }.to_word();
        let entered = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
            (State::from_word(word).phase != Phase::Displaced).then_some(next)
        });
        entered.map(drop).map_err(|_| Displaced)
    }

    /// Displaces the connection if it is still in the state `seen`, and wakes its task.
    pub(super) fn displace(&self, seen: State) -> bool {
        let next = State { phase: Phase::Displaced, ..seen }.to_word();
        let displaced = self.state.compare_exchange(seen.to_word(), next, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if displaced {
            self.end.cancel();
        }
        displaced
    }

    pub(super) fn is_displaced(&self) -> bool {
        self.state().phase == Phase::Displaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_its_word() {
        for phase in [Phase::Waiting, Phase::Receiving, Phase::Answering, Phase::Displaced] {
            for since in [0, 1, 86_400_000, u64::MAX >> 2] {
                let state = State { phase, since };
                assert_eq!(State::from_word(state.to_word()), state);
            }
        }
    }

    #[test]
    fn a_connection_is_displaced_only_in_the_state_seen_and_enters_no_other_afterwards() {
        let activity = Activity::new(5, CancellationToken::new());
        let seen = activity.state();
        activity.enter(Phase::Answering, 6).unwrap();
        assert!(!activity.displace(seen), "a call began meanwhile");
        activity.enter(Phase::Waiting, 7).unwrap();
        assert!(activity.displace(activity.state()) && activity.end.is_cancelled());
        assert_eq!(activity.enter(Phase::Answering, 8), Err(Displaced));
        assert!(activity.is_displaced());
    }
}
