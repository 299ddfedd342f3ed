//! The listener for whoever runs the gateway: health and metrics.

use std::net::SocketAddr;

/// Never the address where calls are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    pub listen: SocketAddr,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmin {
    listen: SocketAddr,
}

impl From<RawAdmin> for AdminSettings {
    fn from(written: RawAdmin) -> Self {
        Self { listen: written.listen }
    }
}
