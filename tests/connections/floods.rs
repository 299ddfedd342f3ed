//! A flood of silent connections on one port blocks neither newcomers on that port nor clients of the other ports.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::beside::issuing;
use super::crowd::{Ends, UNSIGNED, admin, call_on, connect_from, metric, raise_limit};
use crate::support::house::{House, address, get};
use crate::support::wait_for;

/// Allows for a machine that runs other tests meanwhile.
const PROMPT: Duration = Duration::from_secs(10);
const ATTACKERS: std::ops::Range<u8> = 2..6;

/// Each attacker holds this many silent connections, and replaces every connection that is closed.
const HELD: usize = 200;

fn keep_silent(from: u8, to: SocketAddr, opened: &AtomicUsize, ends: &AtomicBool) {
    let mut held: Vec<TcpStream> = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        held.retain(|stream| {
            stream.set_nonblocking(true).unwrap();
            stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        });
        let new: Vec<_> = (held.len()..HELD).filter_map(|_| connect_from(from, to)).collect();
        opened.fetch_add(new.len(), Ordering::Relaxed);
        held.extend(new);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Floods a port while `meanwhile` runs, which starts when more connections than slots have been opened.
fn flooded(port: SocketAddr, slots: usize, meanwhile: impl FnOnce()) {
    let (opened, ends) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for from in ATTACKERS {
            let (opened, ends) = (&opened, &ends);
            scope.spawn(move || keep_silent(from, port, opened, ends));
        }
        let _ends = Ends(&ends);
        wait_for("a full port", || opened.load(Ordering::Relaxed) > slots + 50);
        meanwhile();
    });
}

/// Checks that five newcomers, each from a new address, are answered.
fn newcomers_are_answered(port: SocketAddr, request: &str) {
    for round in 0..5 {
        let began = Instant::now();
        let mut newcomer = connect_from(200 + round, port).expect("a connection");
        let answer = call_on(&mut newcomer, request.as_bytes()).unwrap_or_else(|| panic!("no answer in round {round}"));
        assert_eq!(answer.status, 200, "round {round}: {answer:?}");
        assert!(began.elapsed() < PROMPT, "round {round}: {:?}", began.elapsed());
    }
}

#[test]
fn a_silent_flood_of_the_admin_port_blocks_no_client_of_any_port() {
    raise_limit();
    let house = House::new("[audit]\nsync = \"none\"\n[admin]\nlisten = \"127.0.0.1:0\"");
    let server = house.start();
    let admin = admin(&server);
    flooded(admin, 128, || {
        newcomers_are_answered(admin, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        newcomers_are_answered(admin, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        for _ in 0..5 {
            let began = Instant::now();
            assert_eq!(house.status(&server), 200);
            assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
        }
    });
    assert!(metric(admin, "ramgate_connections_displaced_total{listener=\"admin\"}") > 0);
    assert_eq!(metric(admin, "ramgate_connections_displaced_total{listener=\"calls\"}"), 0);
}

#[test]
fn a_silent_flood_of_the_credentials_port_blocks_no_client_of_any_port() {
    raise_limit();
    let (_folder, server, credentials) = issuing();
    let (calls, admin) = (address(&server), admin(&server));
    flooded(credentials, 512, || {
        newcomers_are_answered(credentials, &format!("GET /terway HTTP/1.1\r\nHost: {credentials}\r\n\r\n"));
        for _ in 0..5 {
            let began = Instant::now();
            let answer = call_on(&mut connect_from(1, calls).unwrap(), UNSIGNED).expect("an answer");
            assert!(answer.status >= 400 && began.elapsed() < PROMPT, "{answer:?} after {:?}", began.elapsed());
            assert_eq!(get(admin, "/healthz").status, 200);
        }
    });
    assert!(metric(admin, "ramgate_connections_displaced_total{listener=\"credentials\"}") > 0);
    assert_eq!(metric(admin, "ramgate_connections_displaced_total{listener=\"calls\"}"), 0);
}

/// When all connections are new, the sources that hold the most slots get no more. Connections behind theirs in the
/// listener's queue do not wait.
#[test]
fn connections_without_a_slot_delay_no_others_on_the_admin_and_credentials_ports() {
    raise_limit();
    let (_folder, server, credentials) = issuing();
    let admin = admin(&server);
    let burst = |number: usize, port: SocketAddr| -> Vec<TcpStream> {
        (0..number).flat_map(|_| [10, 11, 12]).filter_map(|from| connect_from(from, port)).collect()
    };
    let silent = burst(300, admin);
    newcomers_are_answered(admin, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    drop(silent);
    let silent = burst(400, credentials);
    newcomers_are_answered(credentials, &format!("GET /terway HTTP/1.1\r\nHost: {credentials}\r\n\r\n"));
    drop(silent);
}
