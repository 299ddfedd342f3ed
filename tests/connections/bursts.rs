//! Many honest callers at once.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::crowd::{admin, metric, raise_limit, wait_long};
use crate::support::house::{House, address};

const BURST: usize = 2000;
/// The kernel sends a SYN again after a second if it found the queue full.
const RETRANSMISSION: Duration = Duration::from_millis(900);

#[test]
fn two_thousand_connections_in_a_row_are_accepted_without_a_drop() {
    raise_limit();
    let limits = "[limits]\nconnections = 4000\nheader_timeout = \"5m\"\n[limits.source]\nconnections = 4000\n";
    let house = House::new(&format!("{limits}[admin]\nlisten = \"127.0.0.1:0\""));
    let server = house.start();
    let (gateway, admin) = (address(&server), admin(&server));
    let before = listen_drops();
    let mut late = 0;
    let held: Vec<_> = (0..BURST)
        .map(|_| {
            let began = Instant::now();
            let stream = TcpStream::connect(gateway).unwrap();
            late += usize::from(began.elapsed() > RETRANSMISSION);
            stream
        })
        .collect();
    // The counter covers the whole machine: other programs may cause drops too.
    let dropped = listen_drops() - before;
    assert!(dropped == 0 || late == 0, "{dropped} dropped, {late} connected late");
    let open = || metric(admin, "ramgate_connections_open{listener=\"calls\"}");
    wait_long("all connections to be open", || open() == BURST as u64);
    drop(held);
    wait_long("all connections to be closed", || open() == 0);
}

/// `TcpExtListenDrops`.
fn listen_drops() -> u64 {
    let text = std::fs::read_to_string("/proc/net/netstat").unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split(' ').position(|name| name == "ListenDrops").unwrap();
    values.split(' ').nth(at).unwrap().parse().unwrap()
}
