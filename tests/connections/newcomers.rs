//! Callers who authenticated and keep idle connections leave a share of the slots to newcomers.

use std::net::TcpStream;

use super::crowd::{UNSIGNED, call_on, connect_from, is_ended, until_ended};
use crate::support::upstream::{Behaviour, success};
use crate::support::{ACCOUNT, Caller, FakeUpstream, Setup, Shape, TestGateway, policies, wait_for};

const SLOTS: u8 = 8;

/// A gateway with eight slots, and a user for each letter, who may attach whatever it likes.
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
    // Idle for longer than the next caller's connection.
    std::thread::sleep(std::time::Duration::from_millis(20));
    stream
}

#[test]
fn idle_connections_of_many_principals_leave_a_slot_to_a_newcomer() {
    let upstream = FakeUpstream::start();
    let gateway = gateway(&upstream);
    // As many principals as there are slots, and one of them with three connections.
    let users = ['a', 'b', 'c', 'c', 'c', 'd', 'e', 'f'];
    let mut idle: Vec<TcpStream> = (10..).zip(users).map(|(from, user)| calling(&gateway, from, user)).collect();
    until_ended(&mut idle[2]);
    let mut newcomer = calling(&gateway, 30, 'g');
    until_ended(&mut idle[3]);
    // Strangers take the slots that are left, one from another, and none of a caller who authenticated.
    let mut strangers: Vec<TcpStream> = (40..70)
        .filter_map(|from| {
            let mut stream = connect_from(from, gateway.address)?;
            call_on(&mut stream, UNSIGNED).map(|_| stream)
        })
        .collect();
    for (at, user) in [(0, 'a'), (1, 'b'), (4, 'c'), (5, 'd'), (6, 'e'), (7, 'f')] {
        assert!(!is_ended(&mut idle[at]), "{user} lost its connection");
        assert_eq!(call_on(&mut idle[at], &attach(user)).expect("it authenticated").status, 200, "{user}");
    }
    assert_eq!(call_on(&mut newcomer, &attach('g')).expect("it authenticated").status, 200);
    drop(calling(&gateway, 31, 'h'));
    let left = strangers.iter_mut().map(is_ended).filter(|ended| !ended).count();
    assert!(left <= 1, "{left} strangers are left");
}

#[test]
fn connections_with_calls_under_way_are_all_answered_and_a_newcomer_finds_a_slot_afterwards() {
    let upstream = FakeUpstream::behaving(Behaviour::Late(std::time::Duration::from_secs(3), success()));
    let gateway = gateway(&upstream);
    let mut busy: Vec<(char, TcpStream)> =
        (10..).zip('a'..'i').map(|(from, user)| (user, connect_from(from, gateway.address).unwrap())).collect();
    assert_eq!(busy.len(), usize::from(SLOTS));
    for (user, stream) in &mut busy {
        std::io::Write::write_all(stream, &attach(*user)).unwrap();
    }
    wait_for("all calls", || upstream.requests().len() == usize::from(SLOTS));
    for (user, stream) in &mut busy {
        let answer = crate::support::wire::read_answer(stream).expect("a call that is being answered goes on");
        assert_eq!(answer.status, 200, "{user}");
    }
    drop(calling(&gateway, 30, 'z'));
    let ended: Vec<char> = busy.iter_mut().filter_map(|(user, stream)| is_ended(stream).then_some(*user)).collect();
    assert!((1..=2).contains(&ended.len()), "only what the newcomer needs: {ended:?}");
}
