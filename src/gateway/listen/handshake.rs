//! The stages of a connection that precede HTTP: the PROXY header and the TLS handshake.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::wire::{ProxyError, ProxyProgress, read_proxy_header};

use super::connections::{Full, Reason, Slot};
use super::peer::Peer;
use super::socket::Socket;
use crate::gateway::parts::Gateway;

/// Why a connection is dropped before HTTP. No response is possible yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the PROXY header is malformed: {0}")]
    Proxy(#[from] ProxyError),
    #[error("the PROXY header was not complete in time")]
    SlowProxy,
    #[error("the caller announced by the proxy has too many connections")]
    TooMany(Full),
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error("the TLS handshake was not complete in time")]
    SlowHandshake,
    #[error("{0}")]
    Socket(#[from] io::Error),
}

impl HandshakeError {
    /// The reason to count the connection under; `None` if it was already counted.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self {
            Self::Proxy(_) | Self::SlowProxy => Some(Reason::ProxyHeader),
            Self::Handshake(_) | Self::SlowHandshake => Some(Reason::Handshake),
            Self::TooMany(_) => None,
            Self::Socket(_) => Some(Reason::ProxyHeader),
        }
    }
}

/// The caller's address: from the PROXY header if a trusted proxy must send one, otherwise from the socket.
pub(crate) async fn announced(
    stream: &mut TcpStream,
    peer: SocketAddr,
    gateway: &Gateway,
) -> Result<IpAddr, HandshakeError> {
    let peer = peer.ip().to_canonical();
    let proxies = &gateway.parts.front.proxies;
    let Some(versions) = proxies.protocol.filter(|_| proxies.trusted.contains(peer)) else { return Ok(peer) };
    let reading = async {
        let mut header = Vec::new();
        loop {
            match read_proxy_header(&header, versions)? {
                ProxyProgress::Done(announced) => return Ok(announced.unwrap_or(peer)),
                ProxyProgress::More(bytes) => {
                    let read = header.len();
                    header.resize(read + bytes, 0);
                    stream.read_exact(&mut header[read..]).await?;
                }
            }
        }
    };
    timeout(gateway.parts.front.limits.header_timeout, reading).await.unwrap_or(Err(HandshakeError::SlowProxy))
}

/// Performs the TLS handshake if the listener has TLS.
pub(crate) async fn shake_hands(
    stream: TcpStream,
    peer: SocketAddr,
    address: IpAddr,
    slot: Arc<Slot>,
    gateway: &Gateway,
) -> Result<(Socket, Peer), HandshakeError> {
    let peer = peer.ip().to_canonical();
    let Some(tls) = &gateway.parts.in_force.tls else {
        let peer = Peer { peer, address, encrypted: false, server_name: None, holder: None, slot };
        return Ok((Socket::Plain(stream), peer));
    };
    let config = Arc::clone(&tls.config.borrow());
    let accepted = timeout(tls.handshake_timeout, TlsAcceptor::from(config).accept(stream)).await;
    let stream = accepted.map_err(|_| HandshakeError::SlowHandshake)?.map_err(HandshakeError::Handshake)?;
    let (_, session) = stream.get_ref();
    let server_name = session.server_name().map(str::to_owned);
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let holder = certificate.and_then(|certificate| tls.holder(certificate)).cloned();
    let peer = Peer { peer, address, encrypted: true, server_name, holder, slot };
    Ok((Socket::Tls(Box::new(stream)), peer))
}
