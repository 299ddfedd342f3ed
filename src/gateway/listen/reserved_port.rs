//! A TCP address that is reserved and not yet open.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// How many connections the kernel completes before they are accepted, where `net.core.somaxconn` grants as many. It drops
/// what is too many, which the caller notices only a second later: a few hundred pods that start at once fill the usual
/// 128.
pub const LISTEN_BACKLOG: u32 = 4096;

/// A bound socket that does not listen: the address cannot be taken by anyone else, and clients that connect are
/// refused until [`open`](Self::open).
///
/// A start reserves its addresses before it opens the audit log, so that an address in use stops the start without
/// leaving a log behind, and opens them when nothing else can fail.
#[derive(Debug)]
pub struct ReservedPort {
    socket: TcpSocket,
    address: SocketAddr,
}

impl ReservedPort {
    /// Binds `address`. Port 0 is given a free one.
    ///
    /// # Errors
    /// An address that is in use or is not this machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Without it, connections of the last run that are still closing would stop this one. Windows means something
        // else by it.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address that was bound, with its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens, from which moment on clients can connect. Must be called inside a runtime.
    ///
    /// # Errors
    /// Another process that bound the address at the same moment listens already.
    pub fn open(self) -> io::Result<TcpListener> {
        self.socket.listen(LISTEN_BACKLOG)
    }
}
