//! The connection tables of the gateway's listeners.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::config::Limits;

use super::Connections;
use super::table::Bounds;

/// Prometheus and load balancers send one request per connection, from a few addresses.
const ADMIN: Bounds = Bounds { slots: 128, per_source: 64, per_principal: usize::MAX };
/// SDKs ask once an hour, but all pods of a node ask at once when it starts, and from one address if the node
/// translates addresses.
const CREDENTIALS: Bounds = Bounds { slots: 512, per_source: 256, per_principal: usize::MAX };

/// The pause after an error that only time resolves, such as a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The slots of the listener for health and metrics.
pub const ADMIN_SLOTS: usize = ADMIN.slots;
/// The slots of the listener for credentials.
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

/// Accepts the next connection, even if all slots are taken: a connection left in the kernel's queue would delay those
/// behind it, so each is accepted first, and then gets a slot or is closed.
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
