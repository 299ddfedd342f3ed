//! Who stands at the other end of a connection, and what is believed of the caller behind.

use std::net::IpAddr;
use std::sync::Arc;

use crate::wire::{Forwarded, ForwardedError, Head, TrustedProxies, read_forwarded};
use ram_policy::Principal;

use super::connections::Slot;
use crate::gateway::call::HostError;

/// What a connection says of its other end, before any call.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The socket's peer.
    pub(crate) peer: IpAddr,
    /// The peer, or whom a trusted one announced with the PROXY protocol.
    pub(crate) address: IpAddr,
    /// Whether the connection has TLS.
    pub(crate) encrypted: bool,
    /// The name asked for in the handshake.
    pub(crate) server_name: Option<String>,
    /// Whom the certificate of the other end stands for.
    pub(crate) holder: Option<Principal>,
    /// The connection's slot.
    pub(crate) slot: Arc<Slot>,
}

impl Peer {
    /// Where a call comes from: the neighbour, or, where that is a trusted proxy, whom it names.
    pub(crate) fn origin(&self, head: &Head, trusted: &TrustedProxies) -> Result<Forwarded, ForwardedError> {
        let own = Forwarded { source: self.address, secure: self.encrypted };
        if trusted.contains(self.address) { read_forwarded(own, &head.headers(), trusted) } else { Ok(own) }
    }

    /// A call for another host than the handshake's (`docs/spec/wire-protocol.md` 8, row 24). A trusted proxy makes
    /// handshakes of its own.
    pub(crate) fn check_host(&self, host: &str, trusted: &TrustedProxies) -> Result<(), HostError> {
        let Some(server_name) = &self.server_name else { return Ok(()) };
        let bare = host.split(':').next().unwrap_or_default().trim_end_matches('.');
        if bare.eq_ignore_ascii_case(server_name.trim_end_matches('.')) || trusted.contains(self.address) {
            return Ok(());
        }
        Err(HostError::ServerName { host: host.to_owned(), server_name: server_name.clone() })
    }

    /// Who calls when a call says nothing: whom the certificate of the connection stands for, unless a trusted proxy is at
    /// the other end. What it announces with the PROXY protocol makes no difference: a proxy that ends TLS and begins it
    /// anew shows its own certificate, and cannot be told from one that passes the caller's handshake on.
    pub(crate) fn caller(&self, trusted: &TrustedProxies) -> Option<&Principal> {
        self.holder.as_ref().filter(|_| !trusted.contains(self.peer) && !trusted.contains(self.address))
    }

    /// As an audit line writes the transport.
    pub(crate) fn transport(secure: bool) -> &'static str {
        if secure { "https" } else { "http" }
    }
}
