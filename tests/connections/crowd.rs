//! Helpers: callers at many addresses, and the gateway's metrics about its connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::house::get;
use crate::support::wire::{read_answer, try_connect_from};
use crate::support::{Answer, Server};

/// The request of an attacker who has no credential.
pub const UNSIGNED: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
/// The limit for every wait in these tests. An idle machine needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Raises the descriptor limit: a test with thousands of connections needs as many descriptors as the gateway.
pub fn raise_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// Connects from `127.0.0.N`. `None` if the connection fails.
pub fn connect_from(number: u8, to: SocketAddr) -> Option<TcpStream> {
    let stream = try_connect_from([127, 0, 0, number], to)?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Some(stream)
}

/// Sends a call on an open connection. `None` if the connection is closed without an answer.
pub fn call_on(stream: &mut TcpStream, request: &[u8]) -> Option<Answer> {
    stream.write_all(request).ok()?;
    read_answer(stream)
}

/// Whether the gateway closes this connection within 300 ms, with a last answer or without.
pub fn is_ended(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let ended = match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    ended
}

/// Waits until the gateway closes this connection, and returns how long that took.
pub fn until_ended(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    // A reset counts as closing.
    let _ = stream.read_to_end(&mut Vec::new());
    assert!(began.elapsed() < PATIENCE, "the connection was not closed");
    began.elapsed()
}

/// Waits for a condition that the gateway reports only every ten seconds.
pub fn wait_long(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "timed out waiting: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Stops the attackers on drop, so that they also stop when the test fails.
pub struct Ends<'a>(pub &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The address of the admin listener.
pub fn admin(server: &Server) -> SocketAddr {
    server.address_after("metrics at http://")
}

/// The value of one line of `/metrics`.
pub fn metric(admin: SocketAddr, name: &str) -> u64 {
    let page = get(admin, "/metrics").body;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{name}`: {page}")).parse().unwrap()
}
