//! The tables of the gateway's listeners.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::config::Limits;

use super::Connections;
use super::table::Bounds;

/// Prometheus and load balancers ask one request a connection, from a few addresses.
const ADMIN: Bounds = Bounds { slots: 128, per_source: 64, per_principal: usize::MAX };
/// SDKs ask once an hour, and all pods of a node at once when it starts: from the node's address where it translates.
const CREDENTIALS: Bounds = Bounds { slots: 512, per_source: 256, per_principal: usize::MAX };

/// After an error that only time cures: no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Slots of the two listeners that do not serve calls.
pub const ADMIN_SLOTS: usize = ADMIN.slots;
pub const CREDENTIALS_SLOTS: usize = CREDENTIALS.slots;

#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) calls: Arc<Connections>,
    pub(crate) admin: Arc<Connections>,
    pub(crate) credentials: Arc<Connections>,
}

impl Listeners {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (slots, per_source) = (limits.connections, limits.source.connections);
        let calls = Bounds { slots, per_source, per_principal: limits.principal.connections };
        let table = |listener, bounds| Arc::new(Connections::new(listener, bounds));
        Self {
            calls: table("calls", calls),
            admin: table("admin", ADMIN),
            credentials: table("credentials", CREDENTIALS),
        }
    }

    pub(crate) fn all(&self) -> [&Arc<Connections>; 3] {
        [&self.calls, &self.admin, &self.credentials]
    }
}

/// Accepts the next connection. Slots are no matter here: a connection that waits in the kernel's queue keeps those
/// behind it waiting, so each is accepted and then given a slot or closed.
pub(crate) async fn accept(listener: &TcpListener, connections: &Connections) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The caller left before it was accepted.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                connections.report_accept_error(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
