//! A TCP address that is bound but not yet listening.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// How many connections the kernel completes before they are accepted, if `net.core.somaxconn` is at least as large.
/// Connections beyond it are dropped, and their callers retry only after a second: a few hundred pods that start at
/// once would overflow the usual 128.
pub const LISTEN_BACKLOG: u32 = 4096;

/// A bound socket that does not listen: no other process can take the address, and clients that connect are refused
/// until [`open`](Self::open).
///
/// The gateway reserves its addresses before it opens the audit log, so that an address in use stops the start before a
/// log is created. It opens them once nothing else can fail.
#[derive(Debug)]
pub struct ReservedPort {
    socket: TcpSocket,
    address: SocketAddr,
}

impl ReservedPort {
    /// Binds `address`. The system chooses a free port for port 0.
    ///
    /// # Errors
    /// The address is in use or does not belong to this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Without it, connections of the previous run that are still closing would make `bind` fail. On Windows the
        // option means something else.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The bound address, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to listen, so that clients can connect. Must be called inside a runtime.
    ///
    /// # Errors
    /// Another process bound the same address and already listens.
    pub fn open(self) -> io::Result<TcpListener> {
        self.socket.listen(LISTEN_BACKLOG)
    }
}
