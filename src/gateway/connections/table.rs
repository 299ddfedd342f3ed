//! Who holds the slots of a listener, and who gives one up when they run out. Pure: times are passed in.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::ram::{ByPrincipal, Principal};

use super::activity::{Activity, Millis};
use super::queue::{Candidate, Filed, Id, Queue};
use crate::budget::Source;

/// A source that holds the most connections does not displace its own before they have had this long to send a call:
/// otherwise a burst of honest callers behind one address would displace itself.
const OWN_PATIENCE: Millis = 1000;
/// How many displaced connections may still be on their way out: their descriptors are in use until then.
pub const LEAVING_MOST: usize = 128;
/// How many sources one search looks at.
const SOURCES_SEARCHED: usize = 64;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Bounds {
    pub(in super::super) slots: usize,
    pub(in super::super) per_source: usize,
    pub(in super::super) per_principal: usize,
}

/// Whether a connection counts towards the limits of its source and its principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Share {
    Counted,
    /// A trusted proxy's: its connections are those of many callers.
    Shared,
}

/// Why a connection gets no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Full {
    /// All slots are taken by callers who authenticated, or whose calls are being answered.
    Slots,
    /// The source has as many as it may.
    Source,
}

/// The principal has as many connections as it may, each with a call under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct PrincipalFull(pub(super) Source);

/// What became of a request for a slot: the connection's id and what the caller of the table shares with it.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) id: Id,
    pub(super) activity: Arc<Activity>,
    /// Which source gave its slot up.
    pub(super) displaced: Option<Source>,
}

#[derive(Debug)]
struct Row {
    source: Source,
    share: Share,
    holder: Holder,
}

/// Who is answerable for a connection, and in whose queue it stands.
#[derive(Debug)]
enum Holder {
    /// Nobody authenticated on it.
    Source,
    Principal(Principal),
    /// Callers authenticated on it, through a trusted proxy.
    Proxy,
}

#[derive(Debug, Default)]
struct OfSource {
    /// Connections of all kinds.
    open: usize,
    unauthenticated: Queue,
    rank: Option<Rank>,
}

/// Sources by who holds most unauthenticated connections, then by who has had one idle for longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    unauthenticated: usize,
    oldest: Reverse<Millis>,
    source: Source,
}

#[derive(Debug)]
pub(super) struct Table {
    bounds: Bounds,
    next: Id,
    rows: HashMap<Id, Row>,
    filed: HashMap<Id, Filed>,
    sources: HashMap<Source, OfSource>,
    ranks: BTreeSet<Rank>,
    principals: ByPrincipal<Queue>,
    /// Displaced, and not yet gone.
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
            ranks: BTreeSet::new(),
            principals: ByPrincipal::default(),
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

    /// Gives a new connection a slot, another connection's if need be. `end` is cancelled when it must give it up.
    pub(super) fn admit(
        &mut self,
        source: Source,
        share: Share,
        now: Millis,
        end: impl FnOnce() -> CancellationToken,
    ) -> Result<Admitted, Full> {
        let mut displaced = self.make_room_at(source, share, now)?;
        if displaced.is_none() && self.rows.len() >= self.bounds.slots {
            displaced = Some(self.displace_any(source, now).ok_or(Full::Slots)?);
        }
        let id = self.next;
        self.next += 1;
        let activity = Arc::new(Activity::new(now, end()));
        self.rows.insert(id, Row { source, share, holder: Holder::Source });
        self.filed.insert(id, Filed { since: now, activity: Arc::clone(&activity) });
        self.of_source(source, |of| {
            of.open += 1;
            of.unauthenticated.insert(now, id);
        });
        Ok(Admitted { id, activity, displaced })
    }

    /// A trusted proxy said whose connection it is: from here on it counts for that source.
    pub(super) fn announce(&mut self, id: Id, source: Source, now: Millis) -> Result<Option<Source>, Full> {
        let displaced = self.make_room_at(source, Share::Counted, now)?;
        let Some((row, filed)) = self.rows.get_mut(&id).zip(self.filed.get(&id)) else { return Ok(displaced) };
        let from = std::mem::replace(&mut row.source, source);
        row.share = Share::Counted;
        let since = filed.since;
        self.of_source(from, |of| {
            of.open -= 1;
            of.unauthenticated.remove(since, id);
        });
        self.of_source(source, |of| {
            of.open += 1;
            of.unauthenticated.insert(since, id);
        });
        Ok(displaced)
    }

    /// A caller authenticated on a connection: no stranger displaces it any more. Where the principal has as many as it
    /// may, its own longest-idle connection goes.
    pub(super) fn authenticate(
        &mut self,
        id: Id,
        principal: &Principal,
        now: Millis,
    ) -> Result<Option<Source>, PrincipalFull> {
        let mut displaced = None;
        let Some(Row { source, share, holder: Holder::Source }) = self.rows.get(&id) else { return Ok(None) };
        let (source, share) = (*source, *share);
        if share == Share::Counted {
            let of = self.principals.entry(principal.clone()).or_default();
            if of.len() >= self.bounds.per_principal {
                let idle = of.longest_idle(&mut self.filed, now);
                displaced = Some(idle.and_then(|idle| self.displace(idle)).ok_or(PrincipalFull(source))?);
            }
        }
        let since = self.refile(id, now);
        self.of_source(source, |of| of.unauthenticated.remove(since, id));
        let holder = match share {
            Share::Shared => Holder::Proxy,
            Share::Counted => {
                self.principals.entry(principal.clone()).or_default().insert(now, id);
                Holder::Principal(principal.clone())
            }
        };
        if let Some(row) = self.rows.get_mut(&id) {
            row.holder = holder;
        }
        self.authenticated += 1;
        Ok(displaced)
    }

    /// The connection has ended.
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

    /// Takes a slot of the source that holds most of them without having authenticated, and of none that holds fewer
    /// than the newcomer's.
    fn displace_any(&mut self, newcomer: Source, now: Millis) -> Option<Source> {
        let mut below = None;
        for _ in 0..SOURCES_SEARCHED {
            let rank = match below {
                None => self.ranks.last(),
                Some(rank) => self.ranks.range(..rank).next_back(),
            };
            let rank = *rank?;
            if rank.source == newcomer {
                return self.displace_of(newcomer, now);
            }
            let candidate = self.candidate(rank.source, now);
            // The look may have shown that this source's have not been idle for as long as it seemed.
            if self.ranks.contains(&rank) {
                if let Some(source) = candidate.and_then(|idle| self.displace(idle)) {
                    return Some(source);
                }
                below = Some(rank);
            }
        }
        None
    }

    /// Takes a slot for a newcomer of the same source.
    fn displace_of(&mut self, source: Source, now: Millis) -> Option<Source> {
        let idle = self.candidate(source, now)?;
        let had_time = idle.state.since + OWN_PATIENCE <= now;
        had_time.then(|| self.displace(idle)).flatten()
    }

    fn candidate(&mut self, source: Source, now: Millis) -> Option<Candidate> {
        let of = self.sources.get_mut(&source)?;
        let found = of.unauthenticated.longest_idle(&mut self.filed, now);
        self.rank(source);
        found
    }

    /// None when a call has begun on it in the meantime, or too many are on their way out.
    fn displace(&mut self, Candidate { id, state }: Candidate) -> Option<Source> {
        if self.leaving >= LEAVING_MOST || !self.filed.get(&id)?.activity.displace(state) {
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
                of.unauthenticated.remove(since, id);
            }),
            Holder::Proxy | Holder::Principal(_) => {
                self.authenticated -= 1;
                self.of_source(row.source, |of| of.open -= 1);
            }
        }
        if let Holder::Principal(principal) = &row.holder
            && let Some(of) = self.principals.get_mut(principal)
        {
            of.remove(since, id);
            if of.is_empty() {
                self.principals.remove(principal);
            }
        }
        Some(row)
    }

    /// Files a connection as idle since now; the result is where it stood before.
    fn refile(&mut self, id: Id, now: Millis) -> Millis {
        self.filed.get_mut(&id).map_or(now, |filed| std::mem::replace(&mut filed.since, now))
    }

    fn of_source(&mut self, source: Source, change: impl FnOnce(&mut OfSource)) {
        change(self.sources.entry(source).or_default());
        self.rank(source);
    }

    /// Brings a source's rank up to date, and forgets a source without connections.
    fn rank(&mut self, source: Source) {
        let Some(of) = self.sources.get_mut(&source) else { return };
        let rank = of.unauthenticated.oldest().map(|oldest| Rank {
            unauthenticated: of.unauthenticated.len(),
            oldest: Reverse(oldest),
            source,
        });
        let before = std::mem::replace(&mut of.rank, rank);
        let gone = of.open == 0;
        if before != rank {
            before.map(|before| self.ranks.remove(&before));
            rank.map(|rank| self.ranks.insert(rank));
        }
        if gone {
            self.sources.remove(&source);
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
