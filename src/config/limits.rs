//! `[limits]`: bounds on one call, one connection, one principal and one source.

use std::time::Duration;

use toml::Spanned;

use crate::budget::PerMinute;

use super::reader::Reader;
use super::{byte_size, duration};

/// Whether a value comes from the configuration or is the default.
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
    /// The age after which a connection is closed with its next answer.
    pub connection_lifetime: Duration,
    /// `[limits.principal]`: for one principal, over all its keys, sessions and addresses.
    pub principal: HolderLimits,
    /// `[limits.source]`: for one IPv4 address or IPv6 /64, while the principal is not known.
    pub source: HolderLimits,
}

/// The limits of one holder of a budget: a principal or a source.
#[derive(Clone, Copy, Debug)]
pub struct HolderLimits {
    pub per_minute: PerMinute,
    /// Simultaneously open connections.
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
    /// Lowers the number of connections, and the shares of one principal and one source to the default shares of it.
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

/// The default share of one source is half of all connections. With the default total, that serves the pods of a node
/// (ECS bounds them to about 250) with two connections each, and leaves as many for all other sources.
fn source_connections(all: usize) -> usize {
    (all / 2).max(1)
}

/// The default share of one principal is three quarters, so that it can never hold every connection.
fn principal_connections(all: usize) -> usize {
    (all / 4 * 3).max(1)
}

impl Reader<'_> {
    /// `refused_lines` is the value of the old key `audit.unauthenticated_per_peer`, if given.
    pub(super) fn limits(
        &mut self,
        mut raw: RawLimits,
        refused_lines: Option<Spanned<u32>>,
        defaults: Limits,
    ) -> Limits {
        let source = &mut raw.source;
        let old = raw.connections_per_peer.take();
        source.connections = self.renamed("connections_per_peer", old, "connections", source.connections.take());
        let old = refused_lines.map(|lines| Spanned::new(lines.span(), *lines.get_ref() as usize));
        let refused_lines = self.renamed("unauthenticated_per_peer", old, "refused_lines", source.refused_lines.take());
        let connections_given = if raw.connections.is_some() { Given::Written } else { defaults.connections_given };
        let query_bytes = self.at_least_one(raw.query_bytes, defaults.query_bytes);
        let body_bytes = self.at_least_one(raw.body_bytes, defaults.body_bytes);
        let parameters = self.at_least_one(raw.parameters, defaults.parameters);
        let connections = self.at_least_one(raw.connections, defaults.connections);
        let source = HolderLimits {
            connections: source_connections(connections),
            per_minute: PerMinute {
                // The old key accepted 0: refusals of a source leave no lines then.
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
            header_timeout: raw.header_timeout.map_or(defaults.header_timeout, |timeout| timeout.0),
            body_timeout: raw.body_timeout.map_or(defaults.body_timeout, |timeout| timeout.0),
            idle_timeout: raw.idle_timeout.map_or(defaults.idle_timeout, |timeout| timeout.0),
            call_timeout: raw.call_timeout.map_or(defaults.call_timeout, |timeout| timeout.0),
            connection_lifetime: raw.connection_lifetime.map_or(defaults.connection_lifetime, |timeout| timeout.0),
            principal: self.holder(raw.principal, principal, "principal", connections),
            source: self.holder(raw.source, source, "source", connections),
        }
    }

    fn holder(&mut self, raw: RawHolder, defaults: HolderLimits, holder: &str, all: usize) -> HolderLimits {
        if let Some(most) = raw.connections.as_ref().filter(|most| *most.get_ref() > all) {
            let title = format!(
                "`connections = {}` of one {holder} exceeds the total of {all}, so it would never take effect",
                most.get_ref()
            );
            let help = format!("give {all} or less, remove it, or raise `connections` in `[limits]`");
            self.report(most.span(), &title, &help);
        }
        let minute = defaults.per_minute;
        let mut number =
            |raw: Option<Spanned<usize>>, default: u64| raw.map_or(default, |it| self.at_least_one(Some(it), 1) as u64);
        HolderLimits {
            per_minute: PerMinute {
                refused_lines: number(raw.refused_lines, minute.refused_lines),
                refused_bytes: raw.refused_bytes.map_or(minute.refused_bytes, |size| size.0),
                nonces: number(raw.nonces, minute.nonces),
                lookups: number(raw.lookups, minute.lookups),
                keys: number(raw.keys, minute.keys),
                exchanges: number(raw.exchanges, minute.exchanges),
                claimed_calls: number(raw.claimed_calls, minute.claimed_calls),
                logged_refusals: minute.logged_refusals,
            },
            connections: self.at_least_one(raw.connections, defaults.connections),
        }
    }

    /// A setting of `[limits.source]` that may be given by its old or by its new name.
    fn renamed(
        &mut self,
        old_name: &str,
        old: Option<Spanned<usize>>,
        new_name: &str,
        new: Option<Spanned<usize>>,
    ) -> Option<Spanned<usize>> {
        if let (Some(old), Some(_)) = (&old, &new) {
            let title = format!("`{old_name}` is the old name of `{new_name}` in `[limits.source]`, which is set too");
            self.report(old.span(), &title, "remove the old name");
        }
        new.or(old)
    }
}
