//! The lifetime of a connection, and the limits for one source and one principal.

use std::net::TcpStream;
use std::time::Duration;

use super::crowd::{UNSIGNED, call_on, connect_from, is_ended, until_ended};
use crate::support::upstream::{Behaviour, success};
use crate::support::{Caller, FakeUpstream, Setup, Shape, TestGateway, wait_for};

fn gateway(change: impl FnOnce(&mut Setup)) -> TestGateway {
    let mut setup = Setup::default();
    change(&mut setup);
    TestGateway::start(setup)
}

/// A call of an authenticated caller that the policies deny.
fn denied() -> Vec<u8> {
    Caller::bob().attach(Shape::V3Query)
}

fn calling(gateway: &TestGateway, from: u8) -> TcpStream {
    let mut stream = connect_from(from, gateway.address).unwrap();
    assert_eq!(call_on(&mut stream, &denied()).unwrap().status, 403);
    stream
}

#[test]
fn a_connection_ends_with_the_first_answer_after_its_lifetime() {
    let lifetime = Duration::from_secs(3);
    let gateway = gateway(|setup| setup.settings.limits.connection_lifetime = lifetime);
    let mut stream = calling(&gateway, 1);
    std::thread::sleep(lifetime);
    let last = call_on(&mut stream, &denied()).unwrap();
    assert!(last.status == 403 && last.closed, "answered with `Connection: close`: {last:?}");
    until_ended(&mut stream);
}

#[test]
fn a_connection_that_never_authenticates_is_closed_early_and_an_authenticated_one_is_kept() {
    let gateway = gateway(|_| {});
    let mut known = calling(&gateway, 1);
    let mut unknown = connect_from(2, gateway.address).unwrap();
    let answer = call_on(&mut unknown, UNSIGNED).unwrap();
    assert!(answer.status == 400 && !answer.closed, "{answer:?}");
    let mut forged = connect_from(3, gateway.address).unwrap();
    let stranger = Caller::new("LTAI5tSomebodyElse00", "no secret of ours").attach(Shape::V3Query);
    assert_eq!(call_on(&mut forged, &stranger).unwrap().status, 400);
    let took = until_ended(&mut unknown);
    assert!(took < Duration::from_secs(20), "closed only after {took:?}, which is too close to `idle_timeout`");
    until_ended(&mut forged);
    assert!(!is_ended(&mut known));
    assert_eq!(call_on(&mut known, &denied()).unwrap().status, 403);
    assert_eq!(call_on(&mut known, UNSIGNED).unwrap().status, 400, "an unsigned call on an authenticated connection");
    std::thread::sleep(Duration::from_secs(7));
    assert!(!is_ended(&mut known), "the authenticated connection stays open");
}

#[test]
fn a_principal_at_its_limit_gives_up_its_own_longest_idle_connection() {
    let gateway = gateway(|setup| setup.settings.limits.principal.connections = 3);
    let mut all: Vec<_> = (0..3)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            calling(&gateway, 1)
        })
        .collect();
    // Now the first connection is the most recently used.
    assert_eq!(call_on(&mut all[0], &denied()).unwrap().status, 403);
    let mut fourth = calling(&gateway, 2);
    until_ended(&mut all[1]);
    assert!(!is_ended(&mut all[0]) && !is_ended(&mut all[2]) && !is_ended(&mut fourth));
    assert_eq!(call_on(&mut fourth, &denied()).unwrap().status, 403);
}

#[test]
fn a_principal_with_calls_under_way_on_all_its_connections_is_refused_another() {
    let slow = Behaviour::Late(Duration::from_secs(4), success());
    let upstream = FakeUpstream::behaving(slow);
    let gateway = gateway(|setup| {
        setup.upstream = Some(upstream.url());
        setup.settings.limits.principal.connections = 3;
    });
    let attach = || Caller::terway().attach(Shape::V3Query);
    let mut busy: Vec<_> = (10..13).map(|from| connect_from(from, gateway.address).unwrap()).collect();
    for stream in &mut busy {
        std::io::Write::write_all(stream, &attach()).unwrap();
    }
    wait_for("three forwarded calls", || upstream.requests().len() == 3);
    let mut fourth = connect_from(1, gateway.address).unwrap();
    let refused = call_on(&mut fourth, &attach()).unwrap();
    assert_eq!(
        (refused.status, refused.code().as_str(), refused.closed),
        (400, "Throttling.User", true),
        "{refused:?}"
    );
    assert!(refused.header("x-acs-retry-after").is_some(), "{refused:?}");
    assert_eq!(calling_from(&gateway, 2), 403, "another principal is not affected");
    for stream in &mut busy {
        let answer = crate::support::wire::read_answer(stream).expect("a call in progress is answered");
        assert_eq!(answer.status, 200);
    }
}

fn calling_from(gateway: &TestGateway, from: u8) -> u16 {
    call_on(&mut connect_from(from, gateway.address).unwrap(), &denied()).unwrap().status
}

#[test]
fn a_call_that_is_being_answered_keeps_its_slot() {
    let upstream = FakeUpstream::behaving(Behaviour::Late(Duration::from_secs(3), success()));
    let gateway = gateway(|setup| {
        setup.upstream = Some(upstream.url());
        setup.settings.limits.connections = 1;
    });
    let mut busy = connect_from(2, gateway.address).unwrap();
    std::io::Write::write_all(&mut busy, &Caller::terway().attach(Shape::V3Query)).unwrap();
    wait_for("the forwarded call", || upstream.requests().len() == 1);
    for from in 3..6 {
        let turned_away = connect_from(from, gateway.address).and_then(|mut stream| call_on(&mut stream, &denied()));
        assert!(turned_away.is_none(), "{turned_away:?}");
    }
    assert_eq!(crate::support::wire::read_answer(&mut busy).unwrap().status, 200);
}

#[test]
fn a_source_at_its_limit_is_turned_away_and_others_are_not() {
    let gateway = gateway(|setup| setup.settings.limits.source.connections = 2);
    let mut held: Vec<_> = (0..2).map(|_| calling(&gateway, 2)).collect();
    let third = connect_from(2, gateway.address).and_then(|mut stream| call_on(&mut stream, &denied()));
    assert!(third.is_none(), "{third:?}");
    assert_eq!(calling_from(&gateway, 1), 403);
    assert!(held.iter_mut().all(|stream| call_on(stream, &denied()).is_some()));
}
