//! The table of a listener's slots: which connections hold them, and which are displaced when they run out. Reads no
//! clock: times are passed in.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::budget::Source;
use ram_policy::{ByPrincipal, Principal};

use super::activity::{Activity, Millis, Phase};
use super::queue::{Candidate, Filed, Id};
use super::ranks::{Ranked, Ranks};

/// A source does not displace its own connections until they have had this long to send a call: otherwise a burst of
/// honest callers behind one address would displace itself.
const OWN_PATIENCE: Millis = 1000;
/// How many displaced connections may still be closing. Each uses a file descriptor until then.
pub const LEAVING_MOST: usize = 128;
/// A source that holds less than one in this many slots holds few: some places among the closing connections and some
/// permits to wait are reserved for such sources.
const FEW: usize = 64;
/// How many sources or principals one search examines.
const SEARCHED: usize = 64;
/// One in this many slots is reserved for callers who have not authenticated yet.
const NEWCOMERS: usize = 8;

/// The limits on connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) slots: usize,
    pub(crate) per_source: usize,
    pub(crate) per_principal: usize,
}

/// Whether a connection counts towards the limits of its source and its principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Counted,
    /// A connection of a trusted proxy, which serves many callers.
    Shared,
}

/// Why a connection gets no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All slots are taken, and no connection can be displaced for this source at the moment.
    Slots,
    /// The source is at its limit, and no connection of its own can be displaced at the moment.
    Source,
}

/// The principal is at its connection limit, and no connection of its own can be displaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PrincipalFull(pub(super) Source);

/// A connection that got a slot: its id, and the activity that it shares with the table.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) id: Id,
    pub(super) activity: Arc<Activity>,
    /// The source of the connection that was displaced for it.
    pub(super) displaced: Option<Source>,
}

/// The result for a connection on which a caller authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authenticated {
    /// From now on, no unauthenticated caller displaces it.
    Kept {
        /// The source of the connection that was displaced for it.
        displaced: Option<Source>,
    },
    /// The limit is reached, and no idle connection was found to displace: this one remains unauthenticated and may be
    /// displaced once it is idle. Its next call tries again.
    NotKept,
}

impl Bounds {
    /// How many authenticated connections are kept: all slots except the share for newcomers.
    fn authenticated(self) -> usize {
        self.slots - (self.slots / NEWCOMERS).max(1).min(self.slots)
    }
}

#[derive(Debug)]
struct Row {
    source: Source,
    share: Share,
    holder: Holder,
}

/// The party that a connection counts for, which determines its queue.
#[derive(Debug)]
enum Holder {
    /// No caller has authenticated on it.
    Source,
    Principal(Principal),
    /// Callers authenticated on it through a trusted proxy. Such a connection is in no queue.
    Proxy,
}

#[derive(Debug, Default)]
struct OfSource {
    /// Connections of all kinds.
    open: usize,
    unauthenticated: Ranked,
}

#[derive(Debug)]
pub(super) struct Table {
    bounds: Bounds,
    next: Id,
    rows: HashMap<Id, Row>,
    filed: HashMap<Id, Filed>,
    sources: HashMap<Source, OfSource>,
    source_ranks: Ranks,
    principals: ByPrincipal<Ranked>,
    principal_ranks: Ranks,
    /// Displaced connections that are still closing.
    leaving: usize,
    authenticated: usize,
}

impl Table {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            next: 0,
            rows: HashMap::new(),
            filed: HashMap::new(),
            sources: HashMap::new(),
            source_ranks: Ranks::default(),
            principals: ByPrincipal::default(),
            principal_ranks: Ranks::default(),
            leaving: 0,
            authenticated: 0,
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Connections that hold a slot.
    pub(super) fn open(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn authenticated(&self) -> usize {
        self.authenticated
    }

    /// Whether a source holds few slots, as a newcomer does; see [`FEW`].
    pub(super) fn holds_few(&self, source: Source) -> bool {
        self.sources.get(&source).map_or(0, |of| of.open) < (self.bounds.slots / FEW).max(1)
    }

    /// Gives a new connection a slot, and displaces another connection if necessary. The token from `end` is cancelled
    /// when the new connection is displaced itself.
    pub(super) fn admit(
        &mut self,
        source: Source,
        share: Share,
        now: Millis,
        end: impl FnOnce() -> CancellationToken,
    ) -> Result<Admitted, Full> {
        let mut displaced = self.make_room_at(source, share, now)?;
        if displaced.is_none() && self.rows.len() >= self.bounds.slots {
            let leaving = if self.holds_few(source) { LEAVING_MOST } else { LEAVING_MOST / 2 };
            displaced = Some(self.displace_any(source, leaving, now).ok_or(Full::Slots)?);
        }
        let id = self.next;
        self.next += 1;
        let activity = Arc::new(Activity::new(now, end()));
        self.rows.insert(id, Row { source, share, holder: Holder::Source });
        self.filed.insert(id, Filed { since: now, activity: Arc::clone(&activity) });
        self.of_source(source, |of| {
            of.open += 1;
            of.unauthenticated.queue.insert(now, id);
        });
        Ok(Admitted { id, activity, displaced })
    }

    /// Counts a trusted proxy's connection for the source that the proxy announced.
    pub(super) fn announce(&mut self, id: Id, source: Source, now: Millis) -> Result<Option<Source>, Full> {
        let displaced = self.make_room_at(source, Share::Counted, now)?;
        let Some((row, filed)) = self.rows.get_mut(&id).zip(self.filed.get(&id)) else { return Ok(displaced) };
        let from = std::mem::replace(&mut row.source, source);
        row.share = Share::Counted;
        let since = filed.since;
        self.of_source(from, |of| {
            of.open -= 1;
            of.unauthenticated.queue.remove(since, id);
        });
        self.of_source(source, |of| {
            of.open += 1;
            of.unauthenticated.queue.insert(since, id);
        });
        Ok(displaced)
    }

    /// Files a connection under the principal that authenticated on it, so that no unauthenticated caller displaces it.
    /// A principal at its limit gives up its own longest-idle connection. If all principals together are at their
    /// limit, the principal with the most connections gives up its longest-idle one.
    pub(super) fn authenticate(
        &mut self,
        id: Id,
        principal: &Principal,
        now: Millis,
    ) -> Result<Authenticated, PrincipalFull> {
        let mut displaced = None;
        let Some(Row { source, share, holder: Holder::Source }) = self.rows.get(&id) else {
            return Ok(Authenticated::Kept { displaced });
        };
        let (source, share) = (*source, *share);
        if share == Share::Counted
            && let Some(of) = self.principals.get(principal)
            && of.queue.len() >= self.bounds.per_principal
        {
            let idle = self.candidate_of(principal, now);
            let displace = |idle| self.displace(idle, LEAVING_MOST);
            displaced = Some(idle.and_then(displace).ok_or(PrincipalFull(source))?);
        }
        if self.authenticated >= self.bounds.authenticated() {
            displaced = self.displace_authenticated(now);
            if displaced.is_none() {
                return Ok(Authenticated::NotKept);
            }
        }
        let since = self.refile(id, now);
        self.of_source(source, |of| of.unauthenticated.queue.remove(since, id));
        let holder = match share {
            Share::Shared => Holder::Proxy,
            Share::Counted => {
                let of = self.principals.entry(principal.clone()).or_default();
                of.queue.insert(now, id);
                of.place(&mut self.principal_ranks);
                Holder::Principal(principal.clone())
            }
        };
        if let Some(row) = self.rows.get_mut(&id) {
            row.holder = holder;
        }
        self.authenticated += 1;
        Ok(Authenticated::Kept { displaced })
    }

    /// Removes a connection that has ended.
    pub(super) fn close(&mut self, id: Id) {
        if self.remove(id).is_none() {
            self.leaving -= 1;
        }
    }

    fn make_room_at(&mut self, source: Source, share: Share, now: Millis) -> Result<Option<Source>, Full> {
        let open = self.sources.get(&source).map_or(0, |of| of.open);
        if share == Share::Shared || open < self.bounds.per_source {
            return Ok(None);
        }
        self.displace_of(source, now).map(Some).ok_or(Full::Source)
    }

    /// Displaces a connection of the source with the most unauthenticated ones. The search ends at the newcomer's own
    /// source: it does not displace connections of sources that hold fewer.
    fn displace_any(&mut self, newcomer: Source, leaving: usize, now: Millis) -> Option<Source> {
        let mut below = None;
        for _ in 0..SEARCHED {
            let rank = self.source_ranks.next(below)?;
            let source = self.rows.get(&rank.first)?.source;
            if source == newcomer {
                return self.displace_of(newcomer, now);
            }
            let candidate = self.candidate(source, now);
            // Searching the queue updates it, which may have changed the rank of this source.
            if self.source_ranks.has(rank) {
                if let Some(source) = candidate.and_then(|idle| self.displace(idle, leaving)) {
                    return Some(source);
                }
                below = Some(rank);
            }
        }
        None
    }

    /// Displaces a connection of the principal with the most, but only one that waits.
    fn displace_authenticated(&mut self, now: Millis) -> Option<Source> {
        let mut below = None;
        for _ in 0..SEARCHED {
            let rank = self.principal_ranks.next(below)?;
            let Holder::Principal(principal) = &self.rows.get(&rank.first)?.holder else { return None };
            let principal = principal.clone();
            let candidate = self.candidate_of(&principal, now);
            if self.principal_ranks.has(rank) {
                let idle = candidate.filter(|it| it.state.phase == Phase::Waiting);
                if let Some(source) = idle.and_then(|idle| self.displace(idle, LEAVING_MOST)) {
                    return Some(source);
                }
                below = Some(rank);
            }
        }
        None
    }

    /// Displaces a connection for a newcomer of the same source.
    fn displace_of(&mut self, source: Source, now: Millis) -> Option<Source> {
        let idle = self.candidate(source, now)?;
        let had_time = idle.state.since + OWN_PATIENCE <= now;
        had_time.then(|| self.displace(idle, LEAVING_MOST / 2)).flatten()
    }

    fn candidate(&mut self, source: Source, now: Millis) -> Option<Candidate> {
        let of = self.sources.get_mut(&source)?;
        let found = of.unauthenticated.queue.longest_idle(&mut self.filed, now);
        of.unauthenticated.place(&mut self.source_ranks);
        found
    }

    fn candidate_of(&mut self, principal: &Principal, now: Millis) -> Option<Candidate> {
        let of = self.principals.get_mut(principal)?;
        let found = of.queue.longest_idle(&mut self.filed, now);
        of.place(&mut self.principal_ranks);
        found
    }

    /// Displaces a candidate. `None` if its state has changed since it was seen, or if `leaving` connections are
    /// already closing.
    fn displace(&mut self, Candidate { id, state }: Candidate, leaving: usize) -> Option<Source> {
        if self.leaving >= leaving || !self.filed.get(&id)?.activity.displace(state) {
            return None;
        }
        self.leaving += 1;
        self.remove(id).map(|row| row.source)
    }

    fn remove(&mut self, id: Id) -> Option<Row> {
        let row = self.rows.remove(&id)?;
        let since = self.filed.remove(&id).map_or(0, |filed| filed.since);
        match &row.holder {
            Holder::Source => self.of_source(row.source, |of| {
                of.open -= 1;
                of.unauthenticated.queue.remove(since, id);
            }),
            Holder::Proxy | Holder::Principal(_) => {
                self.authenticated -= 1;
                self.of_source(row.source, |of| of.open -= 1);
            }
        }
        if let Holder::Principal(principal) = &row.holder
            && let Some(of) = self.principals.get_mut(principal)
        {
            of.queue.remove(since, id);
            of.place(&mut self.principal_ranks);
            if of.queue.is_empty() {
                self.principals.remove(principal);
            }
        }
        Some(row)
    }

    /// Files a connection as idle since now, and returns the time under which it was filed before.
    fn refile(&mut self, id: Id, now: Millis) -> Millis {
        self.filed.get_mut(&id).map_or(now, |filed| std::mem::replace(&mut filed.since, now))
    }

    /// Applies a change to a source's entry, and removes the entry if no connections are left.
    fn of_source(&mut self, source: Source, change: impl FnOnce(&mut OfSource)) {
        let of = self.sources.entry(source).or_default();
        change(of);
        of.unauthenticated.place(&mut self.source_ranks);
        if of.open == 0 {
            self.sources.remove(&source);
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
