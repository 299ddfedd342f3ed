//! The tables of the gateway's listeners.

use std::sync::Arc;

use crate::config::Limits;

use super::Connections;
use super::table::Bounds;

/// Prometheus and load balancers ask one request a connection, from a few addresses.
const ADMIN: Bounds = Bounds { slots: 128, per_source: 64, per_principal: usize::MAX };
/// SDKs ask once an hour, and all pods of a node at once when it starts: from the node's address where it translates.
const CREDENTIALS: Bounds = Bounds { slots: 512, per_source: 256, per_principal: usize::MAX };

/// Slots of the two listeners that do not serve calls.
pub const ADMIN_SLOTS: usize = ADMIN.slots;
pub const CREDENTIALS_SLOTS: usize = CREDENTIALS.slots;

#[derive(Debug)]
pub(in super::super) struct Listeners {
    pub(in super::super) calls: Arc<Connections>,
    pub(in super::super) admin: Arc<Connections>,
    pub(in super::super) credentials: Arc<Connections>,
}

impl Listeners {
    pub(in super::super) fn new(limits: &Limits) -> Self {
        let (slots, per_source) = (limits.connections, limits.source.connections);
        let calls = Bounds { slots, per_source, per_principal: limits.principal.connections };
        let table = |listener, bounds| Arc::new(Connections::new(listener, bounds));
        Self {
            calls: table("calls", calls),
            admin: table("admin", ADMIN),
            credentials: table("credentials", CREDENTIALS),
        }
    }

    pub(in super::super) fn all(&self) -> [&Arc<Connections>; 3] {
        [&self.calls, &self.admin, &self.credentials]
    }
}
