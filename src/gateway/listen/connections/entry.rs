//! A new connection that has a slot, or briefly waits for one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::budget::Source;

use super::Connections;
use super::slot::Slot;
use super::table::{Full, Share};

/// How long a new connection waits for a slot when no other connection can be displaced.
const PATIENCE: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_millis(5);
/// How many new connections of one listener may wait for a slot. Each uses a file descriptor meanwhile.
pub const WAITING_MOST: usize = 32;

/// The result of admitting a new connection.
#[derive(Debug)]
pub(crate) enum Entry {
    Admitted(Arc<Slot>),
    Waiting(Waiting),
}

#[derive(Debug)]
pub(crate) struct Waiting {
    connections: Arc<Connections>,
    source: Source,
    share: Share,
    drain: CancellationToken,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Entry {
    pub(super) fn waiting(
        connections: Arc<Connections>,
        source: Source,
        share: Share,
        drain: CancellationToken,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self::Waiting(Waiting { connections, source, share, drain, until: Instant::now() + PATIENCE, _permit: permit })
    }

    /// The slot, after waiting for it if necessary.
    ///
    /// # Errors
    /// There is no slot: the connection was counted as turned away and must be closed.
    pub(crate) async fn slot(self) -> Result<Arc<Slot>, Full> {
        let waiting = match self {
            Self::Admitted(slot) => return Ok(slot),
            Self::Waiting(waiting) => waiting,
        };
        let Waiting { connections, source, share, drain, until, .. } = &waiting;
        loop {
            sleep(RETRY).await;
            match connections.try_admit(*source, *share, drain) {
                Err(Full::Slots) if Instant::now() < *until => {}
                Err(full) => return Err(connections.turn_away(full, *source)),
                Ok(slot) => return Ok(slot),
            }
        }
    }
}
