//! The slot of one connection, through which its task reports to the table. Dropping it releases the slot.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::Source;
use ram_policy::Principal;

use super::activity::{Activity, Displaced, Phase};
use super::queue::Id;
use super::table::{Authenticated, Full, PrincipalFull};
use super::{Connections, Reason};

#[derive(Debug)]
pub(crate) struct Slot {
    connections: Arc<Connections>,
    id: Id,
    activity: Arc<Activity>,
    opened: Instant,
    authenticated: AtomicBool,
}

impl Slot {
    pub(super) fn new(connections: Arc<Connections>, id: Id, activity: Arc<Activity>, opened: Instant) -> Self {
        Self { connections, id, activity, opened, authenticated: AtomicBool::new(false) }
    }

    /// When the connection was accepted.
    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// Cancelled when the connection must end: it was displaced, or the listener drains.
    pub(crate) fn end(&self) -> &CancellationToken {
        &self.activity.end
    }

    pub(crate) fn is_displaced(&self) -> bool {
        self.activity.is_displaced()
    }

    /// Reports that the head of a call is complete, and that its body is expected.
    ///
    /// # Errors
    /// The connection was displaced: the call must not begin.
    pub(crate) fn receives(&self, at: Instant) -> Result<(), Displaced> {
        self.activity.enter(Phase::Receiving, self.connections.millis(at))
    }

    /// Reports that the call is complete. The connection cannot be displaced until it waits again.
    ///
    /// # Errors
    /// The connection was displaced: the call must not be answered.
    pub(crate) fn answers(&self) -> Result<(), Displaced> {
        self.activity.enter(Phase::Answering, 0)
    }

    /// Reports that the answer was sent, or that the caller does not read it.
    pub(crate) fn waits(&self, at: Instant) {
        // A displaced connection stays displaced.
        let _ = self.activity.enter(Phase::Waiting, self.connections.millis(at));
    }

    /// Whether a new connection waits for a slot, and this one can be displaced for it between two calls.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.is_authenticated() && self.connections.is_wanted()
    }

    /// Counts the connection for the caller that a trusted proxy announced.
    ///
    /// # Errors
    /// The caller's source is at its connection limit; this connection was counted as turned away.
    pub(crate) fn announce(&self, caller: IpAddr) -> Result<(), Full> {
        let source = Source::from(caller);
        let connections = &self.connections;
        let now = connections.millis(Instant::now());
        let announced = connections.table().announce(self.id, source, now);
        match announced {
            Ok(displaced) => displaced.into_iter().for_each(|source| connections.counts.displaced(source)),
            Err(full) => connections.turned_away(full.into(), source),
        }
        announced.map(drop)
    }

    /// Reports that a caller authenticated as this principal. Only the first time costs more than a load: a connection
    /// counts for the principal that authenticated on it first. If the limit for authenticated connections is reached
    /// and all of them have calls in progress, this one remains unauthenticated.
    ///
    /// # Errors
    /// The principal is at its connection limit, and a call is in progress on each of its connections.
    pub(crate) fn authenticate(&self, principal: &Principal) -> Result<(), PrincipalFull> {
        if self.is_authenticated() {
            return Ok(());
        }
        let connections = &self.connections;
        let now = connections.millis(Instant::now());
        let authenticated = connections.table().authenticate(self.id, principal, now);
        let authenticated = authenticated.inspect_err(|full| connections.turned_away(Reason::Principal, full.0))?;
        if let Authenticated::Kept { displaced } = authenticated {
            displaced.into_iter().for_each(|source| connections.counts.displaced(source));
            self.authenticated.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    /// Counts this connection as closed before its first call.
    pub(crate) fn turned_away(&self, reason: Reason, caller: IpAddr) {
        self.connections.turned_away(reason, caller.into());
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.table().close(self.id);
    }
}
