//! Passes heads from a connection's reader to the handler of calls, and wakes the reader after each answer.
//!
//! The HTTP library between the two sees only the framing of a request. The head that was read bypasses it here.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::envelope::Format;
use crate::wire::{Head, HeadError};

/// One head as the reader read it, or its refusal.
pub(crate) type ReadHead = Result<Head, RefusedHead>;

/// Why a head was refused, and the format of answer that its sender seems to expect.
#[derive(Debug)]
pub(crate) struct RefusedHead {
    pub(crate) error: HeadError,
    pub(crate) format: Format,
}

/// How long the connection may be idle after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as `limits.idle_timeout`.
    Usual,
    /// Only briefly, because no caller has authenticated.
    Short,
}

#[derive(Debug, Default)]
pub(crate) struct HeadHandoff(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    heads: VecDeque<ReadHead>,
    answered: Option<Patience>,
    reader: Option<Waker>,
}

impl HeadHandoff {
    /// Passes a head to the handler. The reader then waits for the answer.
    pub(crate) fn hand_over(&self, head: ReadHead) {
        let mut state = self.lock();
        state.heads.push_back(head);
        state.answered = None;
    }

    /// The head of the request that the HTTP library just passed to the handler.
    pub(crate) fn take(&self) -> Option<ReadHead> {
        self.lock().heads.pop_front()
    }

    /// The answer is complete, so the reader may continue.
    pub(crate) fn answered(&self, patience: Patience) {
        let reader = {
            let mut state = self.lock();
            state.answered = Some(patience);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Ready when the last head that was passed on has been answered.
    pub(crate) fn poll_answered(&self, context: &Context<'_>) -> Poll<Patience> {
        let mut state = self.lock();
        if let Some(patience) = state.answered {
            return Poll::Ready(patience);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
