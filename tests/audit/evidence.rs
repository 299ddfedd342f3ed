//! A flood of refused calls neither displaces log lines of permitted calls nor fills the disk.

use std::fs;

use serde_json::Value;

use super::full::SmallDisk;
use super::log::{Gaps, Log, rotated, stage};
use crate::support::house::{House, address, get, with_key};
use crate::support::{Server, wait_for};

fn verdict(event: &Value) -> &str {
    event["additionalEventData"]["gateway"]["verdict"].as_str().unwrap()
}

fn denials(events: &[Value]) -> usize {
    events.iter().filter(|event| stage(event) == "Decision" && verdict(event) == "ImplicitDeny").count()
}

/// The bytes of permits and their outcomes. Only these count towards `rotate_size`.
fn permitted_bytes(log: &Log) -> usize {
    let is_permit = |line: &&String| {
        let written: Value = serde_json::from_str(line).unwrap();
        written["event"]["additionalEventData"]["gateway"]["verdict"] == "Allow"
    };
    log.lines.iter().filter(is_permit).map(|line| line.len() + 1).sum()
}

/// The value of one metric.
fn metric(server: &Server, name: &str) -> usize {
    let page = get(server.address_after("metrics at http://"), "/metrics").body;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{name}`: {page}")).parse().unwrap()
}

const COUNTED: &str = "ramgate_attempts_counted_only_total{verdict=\"ImplicitDeny\",code=\"Forbidden.SubUser\"}";
const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"";

#[test]
fn a_flood_of_denials_causes_no_rotation_and_removes_no_permit() {
    let house = with_key(&format!("{ADMIN}\n[audit]\nsync = \"none\"\nrotate_size = \"64KiB\"\nkeep_files = 1"));
    let server = house.start();
    for _ in 0..3 {
        assert_eq!(house.status(&server), 200);
    }
    for _ in 0..200 {
        assert_eq!(house.denied(&server), 403);
    }
    assert!(rotated(house.path()).is_empty(), "only permits count towards `rotate_size`");
    assert!(fs::metadata(house.path().join("audit.jsonl")).unwrap().len() < 2 * 65536);
    assert!(metric(&server, COUNTED) > 0);
    assert_eq!(metric(&server, "ramgate_audit_refusals_only_counted{why=\"rotate_size\"}"), 1);
    let log = Log::read(house.path());
    let events = log.verified(Gaps::None);
    assert_eq!(denials(&events) + metric(&server, COUNTED), 200);
    let permits = events.iter().filter(|event| verdict(event) == "Allow").count();
    assert_eq!(permits, 6, "three decisions and their outcomes");
    while permitted_bytes(&Log::read(house.path())) < 65536 {
        assert_eq!(house.status(&server), 200);
    }
    // The rotation follows a sync that no call waits for.
    wait_for("the rotation of a file full of permits", || !rotated(house.path()).is_empty());
    wait_for("a line of a refused call in the new file", || {
        house.denied(&server);
        denials(&Log::read(house.path()).verified(Gaps::None)) > denials(&events)
    });
}

#[test]
fn below_min_free_permits_are_written_and_refusals_are_only_counted() {
    let house = House::new(&format!("{ADMIN}\n[audit]\nsync = \"always\"\nmin_free = \"1000000GiB\""));
    let mut server = house.start();
    for _ in 0..20 {
        assert_eq!(house.denied(&server), 403);
    }
    assert_eq!(house.status(&server), 200);
    assert_eq!(metric(&server, COUNTED), 20);
    assert_eq!(get(server.address_after("metrics at http://"), "/readyz").status, 200);
    assert!(server.stderr().contains("are kept for calls that are permitted"), "{}", server.stderr());
    assert_eq!(server.terminate(std::time::Duration::from_secs(20)), Some(0));
    let events = Log::read(house.path()).verified(Gaps::None);
    assert_eq!(denials(&events), 0);
    assert_eq!(events.iter().filter(|event| verdict(event) == "Allow").count(), 2);
    let reasons = super::log::reasons(&events);
    assert!(reasons.iter().any(|reason| reason.contains("20 ")), "the stop writes the count: {reasons:?}");
}

#[test]
#[ignore = "needs the right to mount: `cargo test --test audit -- --ignored`"]
fn on_a_small_disk_a_flood_of_denials_refuses_no_permitted_call() {
    for mode in ["always", "none"] {
        let house = House::new("");
        let _disk = SmallDisk::mount(&house.path().join("disk"), "8m");
        house.configure(&format!("{ADMIN}\n[audit]\npath = \"disk/audit.jsonl\"\nsync = \"{mode}\""));
        let server = house.start();
        for _ in 0..4000 {
            assert_eq!(house.denied(&server), 403);
        }
        for _ in 0..3 {
            assert_eq!(house.call(address(&server)).unwrap().status, 200, "{mode}");
        }
        assert_eq!(metric(&server, COUNTED), 4000, "{mode}");
        drop(server);
    }
}
