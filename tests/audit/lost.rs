//! `required = false`: calls are forwarded even if their lines cannot be written, and lost lines are counted.

use std::fs;
use std::process::Command;

use super::log::{Gaps, Log, reasons};
use crate::support::house::{House, get};
use crate::support::parts::has;
use crate::support::program::bare;
use crate::support::{Server, wait_for};

#[test]
fn lost_lines_are_counted_in_metrics_warnings_and_the_log() {
    if !has("prlimit", "a log that cannot grow") {
        return;
    }
    let house = House::new("[audit]\nrequired = false\nsync = \"group\"\n[admin]\nlisten = \"127.0.0.1:0\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" serve --config ramgate.toml", env!("CARGO_BIN_EXE_ramgate")]);
    bare(&mut shell, house.path());
    let server = Server::start(&mut shell, "attempts are written to");
    let admin = server.address_after("metrics at http://");
    assert_eq!(house.status(&server), 200);
    let limit = |bytes: u64| {
        let limit = format!("--fsize={bytes}:unlimited");
        assert!(Command::new("prlimit").args(["--pid", &server.id().to_string(), &limit]).status().unwrap().success());
    };
    let log = house.path().join("audit.jsonl");
    wait_for("the outcome", || Log::read(house.path()).lines.len() == 2);
    limit(fs::metadata(&log).unwrap().len());
    for _ in 0..10 {
        assert_eq!(house.status(&server), 200, "the call is forwarded");
    }
    // A decision and an outcome for each call.
    let lost = || get(admin, "/metrics").body.contains("\nramgate_audit_lines_lost_total 20\n");
    wait_for("the metric", lost);
    assert_eq!(get(admin, "/readyz").status, 200, "the gateway answers calls");
    wait_for("the warning", || server.stderr().contains("lines of the audit log are lost"));
    limit(1 << 40);
    let counted = || {
        let events = Log::read(house.path()).verified(Gaps::None);
        reasons(&events).iter().any(|reason| reason.starts_with("20 lines could not be written since"))
    };
    wait_for("the count in the log", counted);
    assert_eq!(house.status(&server), 200);
    assert_eq!(house.forwarded().len(), 12);
}
