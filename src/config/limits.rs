//! `[limits]`: how much one call, one connection, one principal and one source may take up.

use std::time::Duration;

use toml::Spanned;

use crate::budget::PerMinute;

use super::reader::Reader;
use super::{byte_size, duration};

/// Whether a value was written in the configuration or is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    Written,
    Default,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub query_bytes: usize,
    pub body_bytes: usize,
    pub parameters: usize,
    pub connections: usize,
    pub connections_given: Given,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    pub idle_timeout: Duration,
    pub call_timeout: Duration,
    /// After which a connection ends with its next answer.
    pub connection_lifetime: Duration,
    /// `[limits.principal]`: what one principal may use, whatever its keys, sessions and addresses.
    pub principal: HolderLimits,
    /// `[limits.source]`: what one IPv4 address or IPv6 /64 may use before a principal is known.
    pub source: HolderLimits,
}

/// What one holder of a budget may use.
#[derive(Clone, Copy, Debug)]
pub struct HolderLimits {
    pub per_minute: PerMinute,
    /// Connections that are open at the same time.
    pub connections: usize,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) query_bytes: Option<Spanned<usize>>,
    pub(super) body_bytes: Option<Spanned<usize>>,
    pub(super) parameters: Option<Spanned<usize>>,
    pub(super) connections: Option<Spanned<usize>>,
    pub(super) connections_per_peer: Option<Spanned<usize>>,
    pub(super) header_timeout: Option<duration::RawDuration>,
    pub(super) body_timeout: Option<duration::RawDuration>,
    pub(super) idle_timeout: Option<duration::RawDuration>,
    pub(super) call_timeout: Option<duration::RawDuration>,
    pub(super) connection_lifetime: Option<duration::RawDuration>,
    pub(super) trusted_proxies: Option<Vec<Spanned<String>>>,
    pub(super) proxy_protocol: Option<Spanned<String>>,
    pub(super) principal: RawHolder,
    pub(super) source: RawHolder,
}

/// `[limits.principal]` and `[limits.source]`.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawHolder {
    refused_lines: Option<Spanned<usize>>,
    refused_bytes: Option<byte_size::RawSize>,
    nonces: Option<Spanned<usize>>,
    lookups: Option<Spanned<usize>>,
    keys: Option<Spanned<usize>>,
    exchanges: Option<Spanned<usize>>,
    claimed_calls: Option<Spanned<usize>>,
    connections: Option<Spanned<usize>>,
}

const CONNECTIONS: usize = 1024;

impl Limits {
    /// Fewer connections than the default, and no share of them greater than the default share.
    pub fn shrink_connections(&mut self, connections: usize) {
        self.connections = connections;
        self.source.connections = self.source.connections.min(source_connections(connections));
        self.principal.connections = self.principal.connections.min(principal_connections(connections));
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            query_bytes: 16_384,
            body_bytes: 65_536,
            parameters: 100,
            connections: CONNECTIONS,
            connections_given: Given::Default,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(60),
            connection_lifetime: Duration::from_secs(3600),
            principal: HolderLimits {
                per_minute: PerMinute::OF_PRINCIPAL,
                connections: principal_connections(CONNECTIONS),
            },
            source: HolderLimits { per_minute: PerMinute::OF_SOURCE, connections: source_connections(CONNECTIONS) },
        }
    }
}

/// One source has half of the connections by default: all pods of a node, which ECS bounds to about 250, with two each,
/// or 500 behind one address with one; and there is as much left for everybody else.
fn source_connections(all: usize) -> usize {
    (all / 2).max(1)
}

/// One principal never holds every connection, however many there are.
fn principal_connections(all: usize) -> usize {
    (all / 4 * 3).max(1)
}

impl Reader<'_> {
    /// `refused_lines` is the old key `audit.unauthenticated_per_peer`, where it is given.
    pub(super) fn limits(
        &mut self,
        mut written: RawLimits,
        refused_lines: Option<Spanned<u32>>,
        defaults: Limits,
    ) -> Limits {
        let source = &mut written.source;
        let old = written.connections_per_peer.take();
        source.connections = self.renamed("connections_per_peer", old, "connections", source.connections.take());
        let old = refused_lines.map(|lines| Spanned::new(lines.span(), *lines.get_ref() as usize));
        let refused_lines = self.renamed("unauthenticated_per_peer", old, "refused_lines", source.refused_lines.take());
        let connections_given = if written.connections.is_some() { Given::Written } else { defaults.connections_given };
        let query_bytes = self.at_least_one(written.query_bytes, defaults.query_bytes);
        let body_bytes = self.at_least_one(written.body_bytes, defaults.body_bytes);
        let parameters = self.at_least_one(written.parameters, defaults.parameters);
        let connections = self.at_least_one(written.connections, defaults.connections);
        let source = HolderLimits {
            connections: source_connections(connections),
            per_minute: PerMinute {
                // The old key took 0 for a source that leaves no lines.
                refused_lines: refused_lines
                    .map_or(defaults.source.per_minute.refused_lines, |lines| *lines.get_ref() as u64),
                ..defaults.source.per_minute
            },
        };
        let principal =
            HolderLimits { connections: principal_connections(connections), per_minute: defaults.principal.per_minute };
        Limits {
            query_bytes,
            body_bytes,
            parameters,
            connections,
            connections_given,
            header_timeout: written.header_timeout.map_or(defaults.header_timeout, |timeout| timeout.0),
            body_timeout: written.body_timeout.map_or(defaults.body_timeout, |timeout| timeout.0),
            idle_timeout: written.idle_timeout.map_or(defaults.idle_timeout, |timeout| timeout.0),
            call_timeout: written.call_timeout.map_or(defaults.call_timeout, |timeout| timeout.0),
            connection_lifetime: written.connection_lifetime.map_or(defaults.connection_lifetime, |timeout| timeout.0),
            principal: self.holder(written.principal, principal, "principal", connections),
            source: self.holder(written.source, source, "source", connections),
        }
    }

    fn holder(&mut self, written: RawHolder, defaults: HolderLimits, whose: &str, all: usize) -> HolderLimits {
        if let Some(most) = written.connections.as_ref().filter(|most| *most.get_ref() > all) {
            let title = format!(
                "`connections = {}` of one {whose} is more than the {all} of all callers together: it would limit nobody",
                most.get_ref()
            );
            let help = format!("give {all} or less, or leave it out; or raise `connections` in `[limits]`");
            self.complain(most.span(), &title, &help);
        }
        let minute = defaults.per_minute;
        let mut number = |written: Option<Spanned<usize>>, default: u64| {
            written.map_or(default, |it| self.at_least_one(Some(it), 1) as u64)
        };
        HolderLimits {
            per_minute: PerMinute {
                refused_lines: number(written.refused_lines, minute.refused_lines),
                refused_bytes: written.refused_bytes.map_or(minute.refused_bytes, |size| size.0),
                nonces: number(written.nonces, minute.nonces),
                lookups: number(written.lookups, minute.lookups),
                keys: number(written.keys, minute.keys),
                exchanges: number(written.exchanges, minute.exchanges),
                claimed_calls: number(written.claimed_calls, minute.claimed_calls),
                logged_refusals: minute.logged_refusals,
            },
            connections: self.at_least_one(written.connections, defaults.connections),
        }
    }

    /// One of two names of the same setting of `[limits.source]`.
    fn renamed(
        &mut self,
        old_name: &str,
        old: Option<Spanned<usize>>,
        new_name: &str,
        new: Option<Spanned<usize>>,
    ) -> Option<Spanned<usize>> {
        if let (Some(old), Some(_)) = (&old, &new) {
            let title = format!("`{old_name}` is the old name of `{new_name}` in `[limits.source]`, which is set too");
            self.complain(old.span(), &title, "remove the old one");
        }
        new.or(old)
    }
}
