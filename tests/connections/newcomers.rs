//! Authenticated callers that keep idle connections leave a share of the slots to newcomers.

use std::net::TcpStream;

use super::crowd::{UNSIGNED, call_on, connect_from, is_ended, until_ended};
use crate::support::upstream::{Behaviour, success};
use crate::support::{ACCOUNT, Caller, FakeUpstream, Setup, Shape, TestGateway, policies, wait_for};

const SLOTS: u8 = 8;

/// A gateway with eight slots, and a user for each letter, each allowed to attach any ENI.
fn gateway(upstream: &FakeUpstream) -> TestGateway {
    let all = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let (mut account, mut keyring) = (format!("account = \"{ACCOUNT}\"\n"), String::new());
    for user in 'a'..='z' {
        account += &format!("[users.{user}]\npolicies = [\"all\"]\n");
        keyring +=
            &format!("[[access_key]]\nid = \"LTAI5t{user}\"\nsecret = \"of-{user}\"\nprincipal = \"user/{user}\"\n");
    }
    account += "[users.alice]\n[users.bob]\n[roles.terway]\n";
    let mut setup = Setup { policies: policies(&account, &[("all", all)]), keyring, ..Setup::default() };
    setup.upstream = Some(upstream.url());
    setup.settings.limits.connections = usize::from(SLOTS);
    setup.settings.limits.principal.connections = 6;
    setup.settings.limits.source.connections = 4;
    TestGateway::start(setup)
}

fn attach(user: char) -> Vec<u8> {
    Caller::new(&format!("LTAI5t{user}"), &format!("of-{user}")).attach(Shape::V3Query)
}

fn calling(gateway: &TestGateway, from: u8, user: char) -> TcpStream {
    let mut stream = connect_from(from, gateway.address).expect("a connection");
    let answer = call_on(&mut stream, &attach(user)).unwrap_or_else(|| panic!("no slot for {user}"));
    assert_eq!(answer.status, 200, "{user}: {answer:?}");
    // Makes this connection idle for longer than the next caller's.
    std::thread::sleep(std::time::Duration::from_millis(20));
    stream
}

#[test]
fn idle_connections_of_many_principals_leave_a_slot_to_a_newcomer() {
    let upstream = FakeUpstream::start();
    let gateway = gateway(&upstream);
    // As many connections as there are slots, three of them from one principal.
    let users = ['a', 'b', 'c', 'c', 'c', 'd', 'e', 'f'];
    let mut idle: Vec<TcpStream> = (10..).zip(users).map(|(from, user)| calling(&gateway, from, user)).collect();
    until_ended(&mut idle[2]);
    let mut newcomer = calling(&gateway, 30, 'g');
    until_ended(&mut idle[3]);
    // Unauthenticated callers take the remaining slots from each other, and none from an authenticated caller.
    let mut strangers: Vec<TcpStream> = (40..70)
        .filter_map(|from| {
            let mut stream = connect_from(from, gateway.address)?;
            call_on(&mut stream, UNSIGNED).map(|_| stream)
        })
        .collect();
    for (at, user) in [(0, 'a'), (1, 'b'), (4, 'c'), (5, 'd'), (6, 'e'), (7, 'f')] {
        assert!(!is_ended(&mut idle[at]), "{user} lost its connection");
        assert_eq!(
            call_on(&mut idle[at], &attach(user)).expect("an authenticated connection stays open").status,
            200,
            "{user}"
        );
    }
    assert_eq!(call_on(&mut newcomer, &attach('g')).expect("an authenticated connection stays open").status, 200);
    drop(calling(&gateway, 31, 'h'));
    let left = strangers.iter_mut().map(is_ended).filter(|ended| !ended).count();
    assert!(left <= 1, "{left} unauthenticated connections are left");
}

#[test]
fn all_calls_in_progress_are_answered_and_a_newcomer_gets_a_slot_afterwards() {
    let upstream = FakeUpstream::behaving(Behaviour::Late(std::time::Duration::from_secs(3), success()));
    let gateway = gateway(&upstream);
    let mut busy: Vec<(char, TcpStream)> =
        (10..).zip('a'..'i').map(|(from, user)| (user, connect_from(from, gateway.address).unwrap())).collect();
    assert_eq!(busy.len(), usize::from(SLOTS));
    for (user, stream) in &mut busy {
        std::io::Write::write_all(stream, &attach(*user)).unwrap();
    }
    wait_for("all forwarded calls", || upstream.requests().len() == usize::from(SLOTS));
    for (user, stream) in &mut busy {
        let answer = crate::support::wire::read_answer(stream).expect("a call in progress is answered");
        assert_eq!(answer.status, 200, "{user}");
    }
    drop(calling(&gateway, 30, 'z'));
    let ended: Vec<char> = busy.iter_mut().filter_map(|(user, stream)| is_ended(stream).then_some(*user)).collect();
    assert!((1..=2).contains(&ended.len()), "no more connections are closed than the newcomer needs: {ended:?}");
}
