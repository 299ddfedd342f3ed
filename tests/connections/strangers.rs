//! Callers without credentials that hold as many connections as they can do not block other callers.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::crowd::{UNSIGNED, admin, call_on, connect_from, metric, raise_limit, wait_long};
use crate::support::house::{House, SECRET, address, get};
use crate::support::{Caller, ENI, INSTANCE, Shape, wait_for};

/// The promise to callers is three seconds. A machine that runs other tests meanwhile is slower.
const PROMPT: Duration = Duration::from_secs(10);
const EACH: usize = 256;
const ADDRESSES: [u8; 4] = [10, 11, 12, 13];

fn signed() -> Vec<u8> {
    let parameters = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)];
    Caller::new("LTAI5tCarol000000000", SECRET).request(Shape::V1Get, &parameters)
}

#[test]
fn callers_that_never_authenticate_do_not_block_others() {
    raise_limit();
    let house = House::new("[audit]\nsync = \"none\"\n[admin]\nlisten = \"127.0.0.1:0\"");
    let server = house.start();
    let (gateway, admin) = (address(&server), admin(&server));
    let mut known = connect_from(1, gateway).unwrap();
    assert_eq!(call_on(&mut known, &signed()).unwrap().status, 200);

    let mut held: Vec<(u8, TcpStream)> = Vec::new();
    let mut longest = Duration::ZERO;
    for round in 0..4 {
        // Open connections send another call, and closed ones are replaced.
        held.retain_mut(|(_, stream)| call_on(stream, UNSIGNED).is_some());
        for number in ADDRESSES {
            let missing = EACH - held.iter().filter(|(of, _)| *of == number).count();
            let new = (0..missing).filter_map(|_| connect_from(number, gateway));
            let asked = new.filter_map(|mut stream| call_on(&mut stream, UNSIGNED).map(|_| (number, stream)));
            held.extend(asked.collect::<Vec<_>>());
        }
        let began = Instant::now();
        assert_eq!(house.status(&server), 200, "round {round}");
        longest = longest.max(began.elapsed());
        assert_eq!(
            call_on(&mut known, &signed()).expect("an authenticated connection stays open").status,
            200,
            "round {round}"
        );
    }
    assert!(longest < PROMPT, "{longest:?}");
    println!("the slowest honest newcomer was answered after {longest:?}");

    assert_eq!(metric(admin, "ramgate_connections_slots{listener=\"calls\"}"), 1024);
    assert!(metric(admin, "ramgate_connections_open{listener=\"calls\"}") <= 1024);
    assert!(metric(admin, "ramgate_connections_authenticated{listener=\"calls\"}") >= 1);
    assert!(metric(admin, "ramgate_connections_displaced_total{listener=\"calls\"}") > 0);
    let ready = get(admin, "/readyz");
    assert_eq!(ready.status, 200, "callers without credentials cannot take the gateway out of a load balancer");
    assert!(ready.body.starts_with("degraded: "), "{}", ready.body);
    assert!(ready.body.contains("connection slots of the `calls` listener ran out"), "{}", ready.body);
    wait_long("the log line about displaced connections", || {
        server.stderr().contains("connections were displaced or turned away")
    });
    let log = server.stderr();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("displaced or turned away")).collect();
    assert!(
        lines.len() <= 30 && lines[0].contains("WARN"),
        "aggregated, not one log line per connection: {}",
        lines.len()
    );
    assert!(lines.iter().any(|line| line.contains("top_source=\"127.0.0.1")), "{lines:?}");
}

/// A source that holds the most slots, none of them idle for long, gets no more. The connections behind it in the
/// listener's queue do not wait for it.
#[test]
fn connections_without_a_slot_delay_no_others() {
    raise_limit();
    let house = House::new("[limits]\nconnections = 64\n[audit]\nsync = \"none\"\n");
    let server = house.start();
    let silent: Vec<TcpStream> =
        (0..300).flat_map(|_| [10, 11, 12]).filter_map(|number| connect_from(number, address(&server))).collect();
    let began = Instant::now();
    assert_eq!(house.status(&server), 200);
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    drop(silent);
}

/// The attacker sends nothing, an incomplete head, or a head with an incomplete body.
#[test]
fn a_connection_with_an_incomplete_call_gives_up_its_slot() {
    for begun in ["", "GET / HTTP/1.1\r\nHost: x\r\nX-A: ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nA"]
    {
        let limits = "[limits]\nconnections = 3\nheader_timeout = \"10m\"\nbody_timeout = \"10m\"\n";
        let house = House::new(&format!("{limits}[admin]\nlisten = \"127.0.0.1:0\""));
        let server = house.start();
        let admin = admin(&server);
        let mut slow: Vec<_> = (10..13).map(|number| connect_from(number, address(&server)).unwrap()).collect();
        for stream in &mut slow {
            std::io::Write::write_all(stream, begun.as_bytes()).unwrap();
        }
        wait_for("three open connections", || metric(admin, "ramgate_connections_open{listener=\"calls\"}") == 3);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(house.status(&server), 200, "{begun:?}");
        assert_eq!(metric(admin, "ramgate_connections_displaced_total{listener=\"calls\"}"), 1, "{begun:?}");
        let ended = slow.iter_mut().filter_map(|stream| super::crowd::is_ended(stream).then_some(())).count();
        assert_eq!(ended, 1, "{begun:?}");
    }
}
