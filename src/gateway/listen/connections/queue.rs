//! The connections of one source or one principal, ordered by how long they have been idle.
//!
//! A connection changes its state without the table, so the order is updated lazily, when the table searches for the
//! longest-idle connection: an entry whose connection was used since it was filed is filed again. Each call causes at
//! most one such move.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::activity::{Activity, Millis, Phase, State};

pub(super) type Id = u64;

/// How many entries one search examines before it returns the best candidate so far. The table is locked meanwhile.
const STEPS: usize = 256;

/// The position of a connection in its queue.
#[derive(Debug)]
pub(super) struct Filed {
    pub(super) since: Millis,
    pub(super) activity: Arc<Activity>,
}

#[derive(Debug, Default)]
pub(super) struct Queue(BTreeSet<(Millis, Id)>);

/// A connection that could be displaced, and the state in which it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) id: Id,
    pub(super) state: State,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first entry. Its connection may have been used since the time of the entry.
    pub(super) fn first(&self) -> Option<(Millis, Id)> {
        self.0.first().copied()
    }

    pub(super) fn insert(&mut self, since: Millis, id: Id) {
        self.0.insert((since, id));
    }

    pub(super) fn remove(&mut self, since: Millis, id: Id) {
        self.0.remove(&(since, id));
    }

    /// The longest-idle connection without a complete head; otherwise the connection whose body has been expected for
    /// the longest time; never a connection whose call is complete.
    pub(super) fn longest_idle(&mut self, filed: &mut HashMap<Id, Filed>, now: Millis) -> Option<Candidate> {
        let mut slow_body = None;
        let mut after = Bound::Unbounded;
        for _ in 0..STEPS {
            let Some(&(since, id)) = self.0.range((after, Bound::Unbounded)).next() else { break };
            let Some(entry) = filed.get_mut(&id) else {
                self.0.remove(&(since, id));
                continue;
            };
            let state = entry.activity.state();
            // A call in progress ends now at the earliest, so the connection counts as used now.
            let newest = if state.phase == Phase::Answering { now } else { state.since };
            if newest > since {
                self.0.remove(&(since, id));
                self.0.insert((newest, id));
                entry.since = newest;
                continue;
            }
            match state.phase {
                Phase::Waiting => return Some(Candidate { id, state }),
                Phase::Receiving => slow_body = slow_body.or(Some(Candidate { id, state })),
                Phase::Answering | Phase::Displaced => {}
            }
            after = Bound::Excluded((since, id));
        }
        slow_body
    }
}
