//! Callers without credentials that send one call after another, and read the answers or do not: the gateway can still
//! reclaim their slots.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::crowd::{Ends, UNSIGNED, admin, call_on, connect_from, metric};
use crate::support::house::{House, address, get};
use crate::support::wait_for;

const SLOTS: u8 = 8;
/// More answers than the buffers of a connection hold.
const CALLS: usize = 100;

fn house() -> House {
    House::new(&format!("[limits]\nconnections = {SLOTS}\n[audit]\nsync = \"none\"\n[admin]\nlisten = \"127.0.0.1:0\""))
}

/// Sends calls from `127.0.0.N`, and reads no answer.
fn stall(number: u8, to: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // The kernel grants a little more. With large segments it would buffer megabytes in transit.
    socket.set_recv_buffer_size(1024).unwrap();
    socket.set_tcp_mss(200).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, number], 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    (&socket).write_all(&UNSIGNED.repeat(CALLS)).unwrap();
    socket
}

/// Waits until the gateway stops answering because no caller reads its answers.
fn wait_for_a_stall(admin: SocketAddr) {
    let answered = || {
        let page = get(admin, "/metrics").body;
        page.lines().find(|line| line.starts_with("ramgate_answers_total{status=\"400\"")).map(str::to_owned)
    };
    wait_for("the answers to stop", || {
        let before = answered();
        std::thread::sleep(Duration::from_millis(500));
        before.is_some() && before == answered()
    });
}

#[test]
fn callers_that_read_no_answers_do_not_block_others() {
    let house = house();
    let server = house.start();
    let (gateway, admin) = (address(&server), admin(&server));
    let stalled: Vec<Socket> = (0..SLOTS).map(|at| stall(10 + at % 2, gateway)).collect();
    wait_for_a_stall(admin);
    for round in 0..10 {
        assert_eq!(house.status(&server), 200, "round {round}");
    }
    assert!(metric(admin, "ramgate_connections_displaced_total{listener=\"calls\"}") > 0);
    drop(stalled);
}

#[test]
fn a_caller_that_reads_no_answers_does_not_delay_the_shutdown() {
    let house = house();
    let mut server = house.start();
    let stalled = stall(10, address(&server));
    wait_for_a_stall(admin(&server));
    assert_eq!(server.terminate(Duration::from_secs(30)), Some(0), "stopped within half of `call_timeout`");
    drop(stalled);
}

/// The connection can still be used afterwards.
#[test]
fn a_caller_that_reads_its_answers_late_gets_all_of_them() {
    let house = house();
    let server = house.start();
    let stalled = stall(10, address(&server));
    wait_for_a_stall(admin(&server));
    let mut stream = TcpStream::from(stalled);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    let answers = |text: &[u8]| text.windows(13).filter(|it| *it == b"HTTP/1.1 400 ").count();
    while answers(&text) < CALLS {
        let taken = stream.read(&mut piece).unwrap();
        assert!(taken > 0, "{} answers", answers(&text));
        text.extend_from_slice(&piece[..taken]);
    }
    assert_eq!(call_on(&mut drained(stream), UNSIGNED).expect("the connection stays open").status, 400);
}

/// The connection, after the rest of its last answer has been read.
fn drained(mut stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    while stream.read(&mut [0; 4096]).is_ok_and(|taken| taken > 0) {}
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

#[test]
fn callers_that_never_pause_between_calls_do_not_block_others() {
    let house = house();
    let server = house.start();
    let gateway = address(&server);
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for at in 0..SLOTS {
            let ends = &ends;
            scope.spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    if let Some(stream) = connect_from(10 + at % 2, gateway) {
                        call_without_pause(stream, ends);
                    }
                }
            });
        }
        let _ends = Ends(&ends);
        std::thread::sleep(Duration::from_millis(500));
        for round in 0..20 {
            assert_eq!(house.status(&server), 200, "round {round}");
        }
    });
}

/// Sends calls without a pause until the gateway closes the connection.
fn call_without_pause(mut stream: TcpStream, ends: &AtomicBool) {
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut piece = [0; 65536];
    let mut due = 0_usize;
    while !ends.load(Ordering::Relaxed) {
        if due < CALLS / 2 {
            if stream.write_all(&UNSIGNED.repeat(CALLS)).is_err() {
                return;
            }
            due += CALLS;
        }
        match stream.read(&mut piece) {
            Ok(taken) if taken > 0 => {
                let answers = piece[..taken].windows(9).filter(|it| *it == b"HTTP/1.1 ").count();
                due = due.saturating_sub(answers);
            }
            _ => return,
        }
    }
}
