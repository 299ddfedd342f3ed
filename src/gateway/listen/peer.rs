//! The peer of a connection, and which of its claims about the caller are believed.

use std::net::IpAddr;
use std::sync::Arc;

use crate::wire::{Forwarded, ForwardedError, Head, TrustedProxies, read_forwarded};
use ram_policy::Principal;

use super::connections::Slot;
use crate::gateway::call::HostError;

/// The properties of a connection's peer that are known before the first call.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The address of the socket's peer.
    pub(crate) peer: IpAddr,
    /// The address of the peer, or the address that a trusted proxy announced with the PROXY protocol.
    pub(crate) address: IpAddr,
    /// Whether the connection uses TLS.
    pub(crate) encrypted: bool,
    /// The server name requested in the TLS handshake.
    pub(crate) server_name: Option<String>,
    /// The principal that the peer's certificate maps to.
    pub(crate) holder: Option<Principal>,
    pub(crate) slot: Arc<Slot>,
}

impl Peer {
    /// The source of a call: the peer's address, or the caller that the headers name if the peer is a trusted proxy.
    ///
    /// # Errors
    /// The headers of a trusted proxy are malformed or ambiguous.
    pub(crate) fn origin(&self, head: &Head, trusted: &TrustedProxies) -> Result<Forwarded, ForwardedError> {
        let own = Forwarded { source: self.address, secure: self.encrypted };
        if trusted.contains(self.address) { read_forwarded(own, &head.headers(), trusted) } else { Ok(own) }
    }

    /// Checks that `Host` matches the server name of the handshake (`docs/spec/wire-protocol.md` 8, row 24). A trusted
    /// proxy is exempt: the handshake is its own, not its caller's.
    ///
    /// # Errors
    /// The call is for another host than the handshake.
    pub(crate) fn check_host(&self, host: &str, trusted: &TrustedProxies) -> Result<(), HostError> {
        let Some(server_name) = &self.server_name else { return Ok(()) };
        let bare = host.split(':').next().unwrap_or_default().trim_end_matches('.');
        if bare.eq_ignore_ascii_case(server_name.trim_end_matches('.')) || trusted.contains(self.address) {
            return Ok(());
        }
        Err(HostError::ServerName { host: host.to_owned(), server_name: server_name.clone() })
    }

    /// The caller of a call without credentials: the holder of the connection's certificate, unless the peer is a
    /// trusted proxy. The PROXY header makes no difference: a proxy that terminates TLS and opens its own connection
    /// presents its own certificate, and cannot be distinguished from a proxy that forwards the caller's handshake.
    pub(crate) fn caller(&self, trusted: &TrustedProxies) -> Option<&Principal> {
        self.holder.as_ref().filter(|_| !trusted.contains(self.peer) && !trusted.contains(self.address))
    }

    /// The transport, as an audit line names it.
    pub(crate) fn transport(secure: bool) -> &'static str {
        if secure { "https" } else { "http" }
    }
}
