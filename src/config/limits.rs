//! `[limits]`: how much one call, one connection and one caller may take up.

use std::time::Duration;

use toml::Spanned;

use super::duration;
use super::needed::Reader;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub query_bytes: usize,
    pub body_bytes: usize,
    pub parameters: usize,
    pub connections: usize,
    pub connections_per_peer: usize,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    pub idle_timeout: Duration,
    pub call_timeout: Duration,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenLimits {
    pub(super) query_bytes: Option<Spanned<usize>>,
    pub(super) body_bytes: Option<Spanned<usize>>,
    pub(super) parameters: Option<Spanned<usize>>,
    pub(super) connections: Option<Spanned<usize>>,
    pub(super) connections_per_peer: Option<Spanned<usize>>,
    pub(super) header_timeout: Option<duration::Written>,
    pub(super) body_timeout: Option<duration::Written>,
    pub(super) idle_timeout: Option<duration::Written>,
    pub(super) call_timeout: Option<duration::Written>,
    pub(super) trusted_proxies: Option<Vec<Spanned<String>>>,
    pub(super) proxy_protocol: Option<Spanned<String>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            query_bytes: 16_384,
            body_bytes: 65_536,
            parameters: 100,
            connections: 1024,
            connections_per_peer: 256,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(60),
        }
    }
}

impl Reader<'_> {
    pub(super) fn limits(&mut self, written: WrittenLimits, defaults: Limits) -> Limits {
        Limits {
            query_bytes: self.at_least_one(written.query_bytes, defaults.query_bytes),
            body_bytes: self.at_least_one(written.body_bytes, defaults.body_bytes),
            parameters: self.at_least_one(written.parameters, defaults.parameters),
            connections: self.at_least_one(written.connections, defaults.connections),
            connections_per_peer: self.at_least_one(written.connections_per_peer, defaults.connections_per_peer),
            header_timeout: written.header_timeout.map_or(defaults.header_timeout, |timeout| timeout.0),
            body_timeout: written.body_timeout.map_or(defaults.body_timeout, |timeout| timeout.0),
            idle_timeout: written.idle_timeout.map_or(defaults.idle_timeout, |timeout| timeout.0),
            call_timeout: written.call_timeout.map_or(defaults.call_timeout, |timeout| timeout.0),
        }
    }
}
