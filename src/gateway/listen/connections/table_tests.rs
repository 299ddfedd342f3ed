//! Which connections are displaced, and which are not.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::super::activity::Phase;
use super::*;

const NEVER: usize = usize::MAX;
const KEPT: Result<Authenticated, PrincipalFull> = Ok(Authenticated::Kept { displaced: None });

fn source(number: u8) -> Source {
    IpAddr::from(Ipv4Addr::new(127, 0, 0, number)).into()
}

fn principal(name: &str) -> Principal {
    Principal::new("1234567890123456".parse().unwrap(), format!("user/{name}").parse().unwrap())
}

fn table(slots: usize, per_source: usize, per_principal: usize) -> Table {
    Table::new(Bounds { slots, per_source, per_principal })
}

fn admit(table: &mut Table, from: u8, now: Millis) -> Result<Admitted, Full> {
    table.admit(source(from), Share::Counted, now, CancellationToken::new)
}

fn is_displaced(admitted: &Admitted) -> bool {
    admitted.activity.is_displaced()
}

#[test]
fn the_longest_idle_connection_of_the_source_with_the_most_is_displaced() {
    let mut table = table(5, NEVER, NEVER);
    let honest = admit(&mut table, 1, 0).unwrap();
    let many: Vec<_> = (1..=4).map(|at| admit(&mut table, 2, at).unwrap()).collect();
    // The first was used since, so the second has been idle for longer.
    many[0].activity.enter(Phase::Answering, 0).unwrap();
    many[0].activity.enter(Phase::Waiting, 50).unwrap();
    let newcomer = admit(&mut table, 3, 60).unwrap();
    assert_eq!(newcomer.displaced, Some(source(2)));
    assert_eq!(many.iter().map(is_displaced).collect::<Vec<_>>(), [false, true, false, false]);
    assert!(!is_displaced(&honest), "it has been idle the longest, but its source holds fewer");
    assert!(many[1].activity.end.is_cancelled(), "its task is woken");
    assert_eq!(table.open(), 5);
}

#[test]
fn of_equally_large_sources_the_longest_idle_connection_is_displaced() {
    let mut table = table(3, NEVER, NEVER);
    let all = [(9, 30), (4, 10), (7, 20)].map(|(from, at)| admit(&mut table, from, at).unwrap());
    assert_eq!(admit(&mut table, 1, 40).unwrap().displaced, Some(source(4)));
    // This one was used meanwhile, so it has been idle for less time than its entry says.
    all[2].activity.enter(Phase::Waiting, 45).unwrap();
    assert_eq!(admit(&mut table, 2, 50).unwrap().displaced, Some(source(9)));
    assert_eq!(all.iter().map(is_displaced).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_call_that_is_being_answered_is_never_displaced() {
    let mut table = table(3, NEVER, NEVER);
    let all = [0; 3].map(|at| admit(&mut table, 2, at).unwrap());
    all.iter().for_each(|it| it.activity.enter(Phase::Answering, 0).unwrap());
    assert_eq!(admit(&mut table, 1, 100_000).unwrap_err(), Full::Slots);
    all[1].activity.enter(Phase::Waiting, 100_001).unwrap();
    assert_eq!(admit(&mut table, 1, 100_002).unwrap().displaced, Some(source(2)));
    assert!(is_displaced(&all[1]));
}

#[test]
fn a_slow_body_is_displaced_if_its_source_has_no_idle_connection() {
    let mut table = table(2, NEVER, NEVER);
    let slow = admit(&mut table, 2, 0).unwrap();
    slow.activity.enter(Phase::Receiving, 1).unwrap();
    let idle = admit(&mut table, 2, 5).unwrap();
    admit(&mut table, 1, 10).unwrap();
    assert!(is_displaced(&idle) && !is_displaced(&slow));
    admit(&mut table, 3, 11).unwrap();
    assert!(is_displaced(&slow), "both sources hold one connection, and source 2 has held it for longer");
}

#[test]
fn an_authenticated_connection_is_displaced_only_by_its_own_principal() {
    let mut table = table(4, NEVER, 2);
    let stranger = admit(&mut table, 9, 0).unwrap();
    stranger.activity.enter(Phase::Answering, 0).unwrap();
    let all = [1, 2, 3].map(|at| admit(&mut table, 2, at).unwrap());
    let known = |table: &mut Table, at: usize| table.authenticate(all[at].id, &principal("alice"), 10);
    assert_eq!((known(&mut table, 0), known(&mut table, 1), table.authenticated()), (KEPT, KEPT, 2));
    assert_eq!(admit(&mut table, 1, 20).unwrap().displaced, Some(source(2)), "the unauthenticated connection");
    assert!(is_displaced(&all[2]));
    let third = admit(&mut table, 3, 30).unwrap();
    assert_eq!(third.displaced, Some(source(1)));
    all[0].activity.enter(Phase::Answering, 0).unwrap();
    assert_eq!(
        table.authenticate(third.id, &principal("alice"), 40),
        Ok(Authenticated::Kept { displaced: Some(source(2)) })
    );
    assert_eq!(all.iter().map(is_displaced).collect::<Vec<_>>(), [false, true, true]);
    let fourth = admit(&mut table, 3, 50).unwrap();
    third.activity.enter(Phase::Answering, 0).unwrap();
    assert_eq!(table.authenticate(fourth.id, &principal("alice"), 60), Err(PrincipalFull(source(3))));
    assert_eq!(table.authenticate(fourth.id, &principal("bob"), 60), KEPT, "another principal is below its limit");
    assert_eq!(
        admit(&mut table, 9, 70).unwrap_err(),
        Full::Slots,
        "three are authenticated, and one is being answered"
    );
}

#[test]
fn authenticated_connections_never_take_the_newcomers_slot() {
    let mut table = table(8, NEVER, NEVER);
    let all: Vec<_> = (0..7).map(|at| admit(&mut table, 1, at).unwrap()).collect();
    let names = ["alice", "bob", "bob", "bob", "carol", "dave", "eve"];
    for (at, name) in (10..).zip(names) {
        let it = &all[usize::try_from(at).unwrap() - 10];
        assert_eq!(table.authenticate(it.id, &principal(name), at), KEPT);
    }
    let eighth = admit(&mut table, 2, 20).unwrap();
    all[1].activity.enter(Phase::Answering, 0).unwrap();
    let displaced = Ok(Authenticated::Kept { displaced: Some(source(1)) });
    assert_eq!(table.authenticate(eighth.id, &principal("alice"), 21), displaced);
    let gone: Vec<_> = all.iter().map(is_displaced).collect();
    assert_eq!(gone, [false, false, true, false, false, false, false], "bob holds the most, but his first is busy");
    assert_eq!((table.open(), table.authenticated()), (7, 7));
    // While all of them have calls in progress, one more is answered but not kept.
    for it in all.iter().chain([&eighth]).filter(|it| !is_displaced(it)) {
        it.activity.enter(Phase::Answering, 0).unwrap();
    }
    let ninth = admit(&mut table, 3, 30).unwrap();
    assert_eq!(table.authenticate(ninth.id, &principal("frank"), 31), Ok(Authenticated::NotKept));
    ninth.activity.enter(Phase::Waiting, 32).unwrap();
    assert_eq!(admit(&mut table, 4, 40).unwrap().displaced, Some(source(3)), "a newcomer gets a slot");
}

#[test]
fn a_source_at_its_limit_displaces_its_own_connections_after_they_had_time_to_call() {
    let mut table = table(9, 2, NEVER);
    let all = [0, 1].map(|at| admit(&mut table, 2, at).unwrap());
    assert_eq!(admit(&mut table, 2, 500).unwrap_err(), Full::Source, "a burst must not displace itself");
    assert!(admit(&mut table, 1, 500).is_ok(), "other sources are not affected");
    assert_eq!(admit(&mut table, 2, 1500).unwrap().displaced, Some(source(2)));
    assert_eq!(all.iter().map(is_displaced).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_source_does_not_displace_connections_of_a_source_with_fewer() {
    let mut table = table(4, NEVER, NEVER);
    let honest = admit(&mut table, 1, 0).unwrap();
    (0..3).for_each(|_| drop(admit(&mut table, 2, 1000).unwrap()));
    assert_eq!(admit(&mut table, 2, 1001).unwrap_err(), Full::Slots);
    assert!(!is_displaced(&honest));
}

#[test]
fn a_proxys_connections_count_for_the_announced_caller() {
    let mut table = table(9, 1, NEVER);
    let mut announced = |caller: u8, now| {
        let admitted = table.admit(source(9), Share::Shared, now, CancellationToken::new).unwrap();
        let announced = table.announce(admitted.id, source(caller), now).map(drop);
        if announced.is_err() {
            table.close(admitted.id);
        }
        announced
    };
    assert_eq!((announced(1, 0), announced(2, 0), announced(1, 1)), (Ok(()), Ok(()), Err(Full::Source)));
    assert_eq!(table.open(), 2);
}

#[test]
fn a_shared_connection_does_not_count_for_a_principal() {
    let mut table = table(9, 1, 1);
    for _ in 0..3 {
        let admitted = table.admit(source(9), Share::Shared, 0, CancellationToken::new).unwrap();
        assert_eq!(table.authenticate(admitted.id, &principal("alice"), 0), KEPT);
    }
    assert_eq!(table.authenticated(), 3);
}

#[test]
fn no_connection_is_displaced_while_too_many_are_still_closing() {
    let mut table = table(1, NEVER, NEVER);
    admit(&mut table, 1, 0).unwrap();
    let displaced: Vec<_> = (0..LEAVING_MOST).map(|at| admit(&mut table, at as u8, 0).unwrap().id).collect();
    assert_eq!(admit(&mut table, 2, 0).unwrap_err(), Full::Slots);
    table.close(displaced[0]);
    assert!(admit(&mut table, 2, 0).is_ok());
}

#[test]
fn a_source_with_few_slots_gets_one_while_others_displace_each_other() {
    let mut table = table(128, NEVER, NEVER);
    let crowd = |at: usize| 1 + (at % 2) as u8;
    (0..128).for_each(|at| drop(admit(&mut table, crowd(at), 0).unwrap()));
    let taken = (0..1000).filter(|at| admit(&mut table, crowd(*at), 5000).is_ok()).count();
    assert_eq!(taken, LEAVING_MOST / 2, "the other places among the closing connections are reserved for newcomers");
    let newcomers = (10..100).filter(|source| admit(&mut table, *source, 5000).is_ok()).count();
    assert_eq!(newcomers, LEAVING_MOST / 2);
}

#[derive(Clone, Debug)]
enum Step {
    Open(u8),
    Close(usize),
    Call(usize),
    Rest(usize),
    Authenticate(usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4u8).prop_map(Step::Open),
        1 => any::<usize>().prop_map(Step::Close),
        2 => any::<usize>().prop_map(Step::Call),
        2 => any::<usize>().prop_map(Step::Rest),
        1 => (any::<usize>(), 0..4u8).prop_map(|(at, who)| Step::Authenticate(at, who)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// After any sequence of steps, no limit is exceeded, no call that is being answered is displaced, and no entry is
    /// left behind.
    #[test]
    fn the_limits_hold(steps in prop::collection::vec(step(), 0..200)) {
        let mut table = table(8, 5, 3);
        let mut open: Vec<Admitted> = Vec::new();
        for (now, step) in steps.into_iter().enumerate() {
            let now = now as Millis * 100;
            let answering: Vec<_> = open.iter().filter(|it| it.activity.state().phase == Phase::Answering).map(|it| it.id).collect();
            match step {
                Step::Open(from) => open.extend(admit(&mut table, from, now)),
                Step::Close(at) if !open.is_empty() => table.close(open.swap_remove(at % open.len()).id),
                Step::Call(at) if !open.is_empty() => drop(open[at % open.len()].activity.enter(Phase::Answering, 0)),
                Step::Rest(at) if !open.is_empty() => drop(open[at % open.len()].activity.enter(Phase::Waiting, now)),
                Step::Authenticate(at, who) if !open.is_empty() => {
                    let it = &open[at % open.len()];
                    let _ = table.authenticate(it.id, &principal(&format!("u{who}")), now);
                }
                _ => {}
            }
            for it in open.iter().filter(|it| answering.contains(&it.id)) {
                prop_assert!(!it.activity.is_displaced());
            }
            prop_assert!(table.rows.len() <= 8 && table.leaving <= LEAVING_MOST);
            prop_assert_eq!(table.rows.len(), table.filed.len());
            prop_assert!(table.sources.values().all(|of| of.open <= 5 && of.open > 0));
            prop_assert!(table.principals.values().all(|of| of.queue.len() <= 3 && !of.queue.is_empty()));
            let alive: HashSet<_> = open.iter().filter(|it| !it.activity.is_displaced()).map(|it| it.id).collect();
            prop_assert_eq!(alive, table.rows.keys().copied().collect());
            prop_assert_eq!(table.sources.values().map(|of| of.open).sum::<usize>(), table.rows.len());
            let queued = table.sources.values().map(|of| of.unauthenticated.queue.len()).sum::<usize>();
            prop_assert_eq!(queued + table.authenticated, table.rows.len());
            prop_assert_eq!(table.source_ranks.held(), queued);
            let of_principals = table.principals.values().map(|of| of.queue.len()).sum::<usize>();
            prop_assert_eq!((table.principal_ranks.held(), of_principals), (table.authenticated, table.authenticated));
            prop_assert!(table.authenticated < 8, "a slot is left for newcomers");
        }
        open.iter().for_each(|it| table.close(it.id));
        prop_assert!(table.sources.is_empty() && table.principals.is_empty() && table.source_ranks.held() + table.principal_ranks.held() == 0);
        prop_assert_eq!((table.leaving, table.authenticated), (0, 0));
    }
}
