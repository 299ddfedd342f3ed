//! The order in which queues of connections give one up: the longest queue first, and of equally long ones the queue
//! whose first connection has been idle for the longest time.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::activity::Millis;
use super::queue::{Id, Queue};

/// The rank of a queue among the others. Its first connection identifies the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) held: usize,
    oldest: Reverse<Millis>,
    pub(super) first: Id,
}

/// The ranks of all queues that are not empty.
#[derive(Debug, Default)]
pub(super) struct Ranks(BTreeSet<Rank>);

/// A queue with its rank among the others.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    pub(super) queue: Queue,
    rank: Option<Rank>,
}

impl Ranks {
    /// The highest rank, or the highest below `below`.
    pub(super) fn next(&self, below: Option<Rank>) -> Option<Rank> {
        match below {
            None => self.0.last().copied(),
            Some(rank) => self.0.range(..rank).next_back().copied(),
        }
    }

    pub(super) fn has(&self, rank: Rank) -> bool {
        self.0.contains(&rank)
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.0.iter().map(|rank| rank.held).sum()
    }
}

impl Ranked {
    /// Updates the rank after a change of the queue.
    pub(super) fn place(&mut self, ranks: &mut Ranks) {
        let rank =
            self.queue.first().map(|(since, first)| Rank { held: self.queue.len(), oldest: Reverse(since), first });
        let before = std::mem::replace(&mut self.rank, rank);
        if before != rank {
            before.map(|before| ranks.0.remove(&before));
            rank.map(|rank| ranks.0.insert(rank));
        }
    }
}
