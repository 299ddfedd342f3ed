//! Whether the kernel's queue of connections that wait to be accepted is as long as the gateway asks for.

use crate::gateway::LISTEN_BACKLOG;
use crate::store::listen_backlog_limit;

/// A WARN where the kernel grants a shorter queue than is asked for.
pub(super) fn warn_of_short_queue() {
    if let Some(granted) = listen_backlog_limit().filter(|granted| *granted < LISTEN_BACKLOG) {
        tracing::warn!(
            granted,
            wanted = LISTEN_BACKLOG,
            "net.core.somaxconn is low: in a burst of connections the kernel drops those that find the queue full; \
             `sysctl -w net.core.somaxconn={LISTEN_BACKLOG}`"
        );
    }
}
