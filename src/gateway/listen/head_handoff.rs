//! Whose turn it is on a connection: the reader's, or the one who answers.
//!
//! Between them stands the HTTP library, which is told the framing of a request and nothing else. What was really
//! read goes past it, through here.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::envelope::Format;
use crate::wire::{Head, HeadError};

/// What the reader made of one head.
pub(crate) type ReadHead = Result<Head, RefusedHead>;

/// A head without a reading, and the form of answer its sender seems to want.
#[derive(Debug)]
pub(crate) struct RefusedHead {
    pub(crate) fault: HeadError,
    pub(crate) format: Format,
}

/// How long the connection may be idle after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as the settings say.
    Usual,
    /// Briefly: the caller of the last call is unknown.
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
    /// The reader hands a head on, and waits.
    pub(crate) fn hand_on(&self, head: ReadHead) {
        let mut state = self.lock();
        state.heads.push_back(head);
        state.answered = None;
    }

    /// The head of the request that the library just announced.
    pub(crate) fn take(&self) -> Option<ReadHead> {
        self.lock().heads.pop_front()
    }

    /// The answer is made: the reader may go on.
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
