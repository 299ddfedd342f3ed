//! The connections of each listener: which of them hold a slot, and which are displaced when slots run out.
//!
//! A new connection displaces the longest-idle unauthenticated connection of the source that holds the most, but never
//! one whose call is complete and being answered. Only a caller who authenticates displaces authenticated connections:
//! one of its own principal if that is at its limit, and one of any principal if all of them together would take the
//! slots that are reserved for newcomers. The table is locked when a connection opens, authenticates and ends; a call
//! on an open connection costs two or three atomic operations.

mod activity;
mod counts;
mod entry;
mod listeners;
mod queue;
mod ranks;
mod slot;
mod table;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use activity::Millis;
use counts::Counts;
use entry::Entry;
use table::{Bounds, Table};

pub(crate) use crate::budget::Source;
pub(crate) use activity::Displaced;
pub(crate) use counts::Reason;
pub use entry::WAITING_MOST;
pub use listeners::{ADMIN_SLOTS, CREDENTIALS_SLOTS};
pub(crate) use listeners::{Listeners, accept};
pub(crate) use slot::Slot;
pub use table::LEAVING_MOST;
pub(crate) use table::{Full, Share};

/// How long a shortage of slots is reported after its end.
const REMEMBERED: Duration = Duration::from_secs(60);
const ACCEPT_ERROR_INTERVAL: Duration = Duration::from_secs(10);

/// The connections of one listener.
#[derive(Debug)]
pub(crate) struct Connections {
    listener: &'static str,
    began: Instant,
    table: Mutex<Table>,
    /// Permits to wait for a slot.
    waiting: Arc<Semaphore>,
    counts: Counts,
    /// When a new connection last found all slots taken; 0 for never.
    shortage: AtomicU64,
    /// When an error of `accept` was last logged; 0 for never.
    accept_error: AtomicU64,
}

/// A snapshot of a listener's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupancy {
    pub(crate) open: usize,
    pub(crate) authenticated: usize,
    pub(crate) slots: usize,
}

impl Connections {
    /// `listener` is its name in metrics and in the log.
    pub(crate) fn new(listener: &'static str, bounds: Bounds) -> Self {
        Self {
            listener,
            began: Instant::now(),
            table: Mutex::new(Table::new(bounds)),
            waiting: Arc::new(Semaphore::new(WAITING_MOST)),
            counts: Counts::default(),
            shortage: AtomicU64::new(0),
            accept_error: AtomicU64::new(0),
        }
    }

    pub(crate) fn listener(&self) -> &'static str {
        self.listener
    }

    /// Gives a new connection a slot, and displaces another connection if necessary. If none can be displaced, the
    /// result may be an entry that waits briefly; await it outside the accept loop, so that later connections are not
    /// delayed. The slot ends when it is displaced or `drain` is cancelled.
    ///
    /// # Errors
    /// There is no slot: the connection was counted as turned away and must be closed.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: IpAddr,
        share: Share,
        drain: &CancellationToken,
    ) -> Result<Entry, Full> {
        let source = Source::from(peer);
        match self.try_admit(source, share, drain) {
            Ok(slot) => Ok(Entry::Admitted(slot)),
            Err(full) => {
                // Half of the permits are reserved for sources that hold few slots: a source with many could otherwise
                // reconnect fast enough to take them all.
                let may_wait = self.waiting.available_permits() > WAITING_MOST / 2 || self.table().holds_few(source);
                let may_wait = full == Full::Slots && may_wait;
                let permit = may_wait.then(|| Arc::clone(&self.waiting).try_acquire_owned().ok()).flatten();
                let Some(permit) = permit else { return Err(self.turn_away(full, source)) };
                Ok(Entry::waiting(Arc::clone(self), source, share, drain.clone(), permit))
            }
        }
    }

    fn try_admit(self: &Arc<Self>, source: Source, share: Share, drain: &CancellationToken) -> Result<Arc<Slot>, Full> {
        let now = Instant::now();
        let admitted = self.table().admit(source, share, self.millis(now), || drain.child_token())?;
        if let Some(displaced) = admitted.displaced {
            self.counts.displaced(displaced);
            self.ran_short(now);
        }
        Ok(Arc::new(Slot::new(Arc::clone(self), admitted.id, admitted.activity, now)))
    }

    /// Whether a new connection waits for a slot.
    fn is_wanted(&self) -> bool {
        self.waiting.available_permits() < WAITING_MOST
    }

    fn turn_away(&self, full: Full, source: Source) -> Full {
        if full == Full::Slots {
            self.ran_short(Instant::now());
        }
        self.turned_away(full.into(), source);
        full
    }

    /// Counts a connection that was turned away.
    pub(crate) fn turned_away(&self, reason: Reason, source: Source) {
        self.counts.turned_away(reason, source);
    }

    pub(crate) fn turned_away_ever(&self, reason: Reason) -> u64 {
        self.counts.turned_away_ever(reason)
    }

    pub(crate) fn displaced_ever(&self) -> u64 {
        self.counts.displaced_ever()
    }

    pub(crate) fn occupancy(&self) -> Occupancy {
        let table = self.table();
        Occupancy { open: table.open(), authenticated: table.authenticated(), slots: table.bounds().slots }
    }

    /// A description of the shortage if slots have run out, now or within the last minute.
    pub(crate) fn shortage(&self) -> Option<String> {
        let last = self.shortage.load(Ordering::Relaxed);
        let recent = last > 0 && self.millis(Instant::now()).saturating_sub(last) < REMEMBERED.as_millis() as Millis;
        let Occupancy { open, authenticated, slots } = self.occupancy();
        (recent || open >= slots).then(|| {
            format!(
                "connection slots of the `{}` listener ran out within the last minute: now {open} of {slots} are in use, \
                 {authenticated} of them by authenticated callers",
                self.listener
            )
        })
    }

    /// Logs the connections turned away and displaced since the last report. Aggregated into one line: an attacker
    /// could otherwise flood the log.
    pub(crate) fn report(&self) {
        let Some(interval) = self.counts.take() else { return };
        let Occupancy { open, authenticated, slots } = self.occupancy();
        let (listener, displaced, turned_away) = (self.listener, interval.displaced, interval.reasons());
        let (top_source, at_least) = interval.top_source().map_or((String::new(), 0), |(it, n)| (it.to_string(), n));
        if interval.is_shortage() {
            tracing::warn!(
                listener,
                displaced,
                turned_away,
                top_source,
                at_least,
                open,
                authenticated,
                slots,
                "connections were displaced or turned away"
            );
        } else {
            tracing::info!(
                listener,
                turned_away,
                top_source,
                at_least,
                "connections failed in the PROXY header or the TLS handshake"
            );
        }
    }

    /// Logs at most once per interval, as an ERROR, that accepting failed because descriptors or memory ran out.
    pub(crate) fn report_accept_error(&self, error: &std::io::Error) {
        let now = self.millis(Instant::now()).max(1);
        let last = self.accept_error.load(Ordering::Relaxed);
        if last == 0 || now.saturating_sub(last) >= ACCEPT_ERROR_INTERVAL.as_millis() as Millis {
            self.accept_error.store(now, Ordering::Relaxed);
            tracing::error!(listener = self.listener, %error, "connections cannot be accepted");
        }
    }

    fn ran_short(&self, now: Instant) {
        self.shortage.store(self.millis(now).max(1), Ordering::Relaxed);
    }

    fn millis(&self, at: Instant) -> Millis {
        at.saturating_duration_since(self.began).as_millis() as Millis
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
