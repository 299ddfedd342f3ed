//! A gateway that is killed at any moment: every call that reached ECS is in the log, and the chain continues.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::thread;
use std::time::Duration;

use super::log::{Gaps, Log, named, reasons, stage};
use crate::support::house::{House, address};
use crate::support::{ramgate, wait_for};

const ROUNDS: u64 = 54;
const CALLERS: usize = 4;
const MODES: [&str; 3] = ["sync = \"always\"", "sync = \"group\"\ngroup_delay = \"2ms\"", "sync = \"none\""];

#[test]
fn a_gateway_killed_at_any_moment_has_logged_every_call_it_sent() {
    let house = House::new("");
    let key = ramgate(house.path(), &["key", "checkpoint", "--out", "checkpoint.key"]);
    assert_eq!(key.status, 0, "{key:?}");
    let mut torn = 0;
    for round in 0..ROUNDS {
        let mode = MODES[usize::try_from(round % 3).unwrap()];
        house.configure(&format!(
            "[audit]\n{mode}\nrotate_size = \"64KiB\"\ncompress = true\n[audit.checkpoint]\nkey_file = \"checkpoint.key\""
        ));
        let server = house.start();
        if torn > 0 {
            wait_for("the warning", || server.stderr().contains("the last line of the audit log was torn"));
        }
        let address = address(&server);
        if round == 0 {
            // A log without a line has no chain yet, and the next start would begin another one.
            assert_eq!(house.status(&server), 200);
        }
        // The moment within a call is random.
        let wait = Duration::from_micros(5_000 + RandomState::new().hash_one(round) % 60_000);
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| while house.call(address).is_some() {});
            }
            thread::sleep(wait);
            drop(server);
        });
        let log = Log::read(house.path());
        let events = log.verified(Gaps::None);
        let written: BTreeSet<&str> = events
            .iter()
            .filter(|event| stage(event) == "Decision")
            .map(|event| event["requestParameters"]["NetworkInterfaceId"].as_str().unwrap())
            .collect();
        for call in house.forwarded() {
            assert!(written.contains(call.as_str()), "round {round}, {mode}: `{call}` was sent and is not in the log");
        }
        torn = log.torn.len();
        if round % 6 == 5 && torn == 0 && house.path().join("audit.jsonl").exists() {
            // A torn line, as a power failure may leave it.
            let mut file = OpenOptions::new().append(true).open(house.path().join("audit.jsonl")).unwrap();
            file.write_all(b"{\"seq\":99,\"prev\":\"0123").unwrap();
            torn = 21;
        }
    }
    assert!(house.forwarded().len() > 100, "too few calls were forwarded");
    let mut server = house.start();
    assert_eq!(house.status(&server), 200);
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    let log = Log::read(house.path());
    let events = log.verified(Gaps::None);
    let kinds = log.checkpoints(house.path());
    assert_eq!(kinds.iter().filter(|kind| *kind == "start").count() as u64, ROUNDS + 1);
    assert_eq!(kinds.last().unwrap(), "stop");
    let aside = named(house.path(), "audit.torn-");
    assert!(aside.len() >= 8, "{aside:?}");
    assert!(fs::read_to_string(&aside[0]).unwrap().starts_with("{\"seq\":"));
    let reasons = reasons(&events);
    assert_eq!(
        reasons.iter().filter(|reason| reason.starts_with("the last line was torn by a crash")).count(),
        aside.len()
    );
}
