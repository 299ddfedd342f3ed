//! Calls of claimed keys that hang at ECS leave connections for other callers.

use std::io::Write;
use std::time::Duration;

use super::door::{claimed, setup, terway};
use crate::support::caller::Shape;
use crate::support::upstream::{Behaviour, success};
use crate::support::wire::{connect_from, read_answer};
use crate::support::{FakeUpstream, TestGateway, wait_for};

const SLOTS: usize = 16;

#[test]
fn claimed_calls_that_hang_leave_connections_for_others() {
    let upstream = FakeUpstream::answering(|request| {
        if request.contains("LTAI5tTestClaimed000") { Behaviour::Silent } else { Behaviour::Answer(success()) }
    });
    let mut setup = setup();
    setup.upstream = Some(upstream.url());
    setup.settings.limits.connections = SLOTS;
    setup.settings.limits.source.connections = SLOTS;
    let gateway = TestGateway::start(setup);
    let mut hanging = Vec::new();
    // The first two sources take half of the slots, and each further source gets one more.
    for (number, waiting) in [(10, 4), (11, 8), (12, 9), (13, 10)] {
        for _ in 0..SLOTS / 4 {
            let mut stream = connect_from([127, 0, 0, number], gateway.address);
            stream.write_all(&claimed().attach(Shape::V3Query)).unwrap();
            hanging.push(stream);
        }
        wait_for("the calls that may wait", || upstream.requests().len() == waiting);
    }
    let mut honest = connect_from([127, 0, 0, 1], gateway.address);
    honest.write_all(&terway().attach(Shape::V3Query)).unwrap();
    let answer = read_answer(&mut honest).expect("a caller whose calls do not hang finds a connection");
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut waiting = 0;
    for mut stream in hanging {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        match stream.peek(&mut [0]) {
            Ok(_) => assert_eq!(read_answer(&mut stream).unwrap().code(), "Throttling"),
            Err(_) => waiting += 1,
        }
    }
    assert_eq!(waiting, SLOTS / 2 + 2);
}
