//! A gateway killed under load: its nonce files are intact, so the next start does not suspect tampering, and it still
//! accepts no call twice.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::replayed::{accepted, signed, used};
use crate::support::house::{House, address};
use crate::support::wire::read_answer;
use crate::support::{Shape, wait_for};

const MODES: [&str; 3] = ["always", "group", "none"];
const ROUNDS: u64 = 12;
const CALLERS: usize = 6;
/// How many accepted calls are sent again after each start: the last ones, which the kill is most likely to have lost.
const REPLAYED: usize = 60;

/// Sends calls until the gateway is gone, and adds the accepted ones to `calls`.
fn call_until_it_is_gone(gateway: SocketAddr, calls: &Mutex<Vec<Vec<u8>>>) {
    loop {
        let request = signed(Shape::V3Query, 0);
        let Ok(mut stream) = TcpStream::connect(gateway) else { return };
        let sent = stream.write_all(&request).is_ok();
        let Some(answer) = sent.then(|| read_answer(&mut stream)).flatten() else { return };
        assert_eq!(answer.status, 200, "{answer:?}");
        calls.lock().unwrap().push(request);
    }
}

#[test]
fn a_start_after_a_kill_under_load_reports_no_tampering_and_refuses_no_new_call() {
    for mode in MODES {
        let house = House::new(&format!("[audit]\nsync = \"{mode}\"\nrotate_size = \"256KiB\""));
        // Also killed before the first line of the log.
        drop(house.start());
        let first = signed(Shape::V3Query, 0);
        let (mut server, mut all) = (house.start(), vec![first.clone()]);
        accepted(&server, &first);
        assert!(!server.stderr().contains("nonce files"), "{mode}: {}", server.stderr());
        let began = Instant::now();
        for round in 0..ROUNDS {
            let calls = Mutex::new(Vec::new());
            let gateway = address(&server);
            thread::scope(|scope| {
                for _ in 0..CALLERS {
                    scope.spawn(|| call_until_it_is_gone(gateway, &calls));
                }
                wait_for("the first calls to be accepted", || calls.lock().unwrap().len() >= CALLERS);
                // The moment within a call differs from round to round.
                thread::sleep(Duration::from_micros(20_000 + round * 7_919));
                drop(server);
            });
            // Signed while no gateway runs, one of them by a client whose clock is behind.
            let meanwhile = [signed(Shape::V3Query, 0), signed(Shape::V3Query, -30)];
            server = house.start();
            // A warning about a torn last line of the log is possible, but none about the nonce files.
            assert!(!server.stderr().contains("nonce files"), "{mode}, round {round}: {}", server.stderr());
            meanwhile.iter().for_each(|call| accepted(&server, call));
            let calls = calls.into_inner().unwrap();
            calls.iter().rev().take(REPLAYED).chain(&meanwhile).for_each(|call| used(&server, call));
            all.extend(calls);
        }
        all.iter().step_by(1 + all.len() / 200).for_each(|call| used(&server, call));
        assert!(all.len() > 200, "too few calls were accepted: {}", all.len());
        println!("{mode}: {ROUNDS} rounds, {} accepted calls, {:?}", all.len(), began.elapsed());
    }
}
