//! `[admin]`: the operator's listener, for health and metrics.

use std::net::SocketAddr;

/// A separate listener: calls are never accepted here.
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
    fn from(raw: RawAdmin) -> Self {
        Self { listen: raw.listen }
    }
}
