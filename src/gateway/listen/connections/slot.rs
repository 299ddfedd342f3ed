//! One connection's slot: what its task tells the table. Dropped, it is free.

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

    /// The head of a call is complete, and its body is due.
    ///
    /// # Errors
    /// The connection was displaced: the call must not begin.
    pub(crate) fn receives(&self, at: Instant) -> Result<(), Displaced> {
        self.activity.enter(Phase::Receiving, self.connections.millis(at))
    }

    /// The call is complete. From here on the connection cannot be displaced, until it waits again.
    ///
    /// # Errors
    /// The connection was displaced: the call must not be answered.
    pub(crate) fn answers(&self) -> Result<(), Displaced> {
        self.activity.enter(Phase::Answering, 0)
    }

    /// The answer was given, or the caller does not take it.
    pub(crate) fn waits(&self, at: Instant) {
        // A displaced connection stays displaced.
        let _ = self.activity.enter(Phase::Waiting, self.connections.millis(at));
    }

    /// Whether a new connection waits for a slot that this one would have to give up between two calls.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.is_authenticated() && self.connections.is_wanted()
    }

    /// A trusted proxy said whose connection it is.
    ///
    /// # Errors
    /// That source has as many connections as it may; this one was counted as turned away.
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

    /// A caller proved to be this principal. Only the first time costs more than a load: a connection counts for the
    /// principal that was first to authenticate on it. While too many others that authenticated have calls under way, it
    /// is treated as if no caller had.
    ///
    /// # Errors
    /// The principal has as many connections as it may, and a call is under way on each.
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
