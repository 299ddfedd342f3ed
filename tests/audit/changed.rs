//! A log file that another process deletes, replaces, truncates or writes into, and a folder that becomes read-only.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::log::{Gaps, Log, named, reasons};
use crate::support::house::{House, address};
use crate::support::parts::has;
use crate::support::program::bare;
use crate::support::{Server, wait_for};

struct Change {
    name: &'static str,
    change: fn(&Path),
    said: &'static str,
    /// How the name begins under which the foreign or torn content is kept.
    kept: Option<&'static str>,
    gaps: Gaps,
}

fn move_away(log: &Path) {
    fs::rename(log, log.with_file_name("moved")).unwrap();
}

/// Replaces the log in one step, because the gateway may look at the path at any moment.
fn put_in_its_place(log: &Path, text: &str) {
    let other = log.with_file_name("other");
    fs::write(&other, text).unwrap();
    fs::rename(other, log).unwrap();
}

const CHANGES: [Change; 6] = [
    Change {
        name: "deleted",
        change: |log| fs::remove_file(log).unwrap(),
        said: "the file was removed or renamed",
        kept: None,
        gaps: Gaps::Some(1),
    },
    Change {
        name: "moved",
        change: move_away,
        said: "the file was removed or renamed",
        kept: Some("moved"),
        gaps: Gaps::Some(1),
    },
    Change {
        name: "replaced by an empty one",
        change: |log| {
            fs::hard_link(log, log.with_file_name("moved")).unwrap();
            put_in_its_place(log, "");
        },
        said: "the file was replaced by another",
        kept: Some("moved"),
        gaps: Gaps::Some(1),
    },
    Change {
        name: "replaced by another",
        change: |log| put_in_its_place(log, "another program's notes"),
        said: "the file was replaced by another",
        kept: Some("audit.replaced-"),
        gaps: Gaps::Some(1),
    },
    Change {
        name: "truncated in the middle of a line",
        change: |log| OpenOptions::new().write(true).open(log).unwrap().set_len(100).unwrap(),
        said: "the file was truncated by another process",
        kept: Some("audit.torn-"),
        gaps: Gaps::Some(1),
    },
    Change {
        name: "written into",
        change: |log| OpenOptions::new().append(true).open(log).unwrap().write_all(b"a forged line").unwrap(),
        said: "another process wrote into the file",
        kept: Some("audit.foreign-"),
        gaps: Gaps::None,
    },
];

#[test]
fn a_change_of_the_log_by_another_process_is_reported_and_the_chain_continues() {
    for mode in ["always", "group", "none"] {
        for Change { name, change, said, kept, gaps } in CHANGES {
            let house = House::new(&format!("[audit]\nsync = \"{mode}\""));
            let server = house.start();
            let log = house.path().join("audit.jsonl");
            for _ in 0..3 {
                assert_eq!(house.status(&server), 200);
            }
            wait_for("the last outcome", || Log::read(house.path()).lines.len() == 6);
            change(&log);
            wait_for("the error, without a call to trigger it", || server.stderr().contains(said));
            wait_for("calls to be accepted again", || house.status(&server) == 200);
            wait_for("a summary line about it", || {
                reasons(&Log::read(house.path()).verified(gaps)).iter().any(|reason| reason.contains(said))
            });
            let first = Log::read(house.path()).lines[0].clone();
            let expected = if matches!(gaps, Gaps::Some(_)) { "{\"seq\":7," } else { "{\"seq\":1," };
            assert!(first.starts_with(expected), "{mode}, {name}: the first line does not continue the chain: {first}");
            if let Some(kept) = kept {
                assert_eq!(named(house.path(), kept).len(), 1, "{mode}, {name}");
            }
        }
    }
}

/// With `sync = "always"`, a call is forwarded only if its line is in the file that the path names.
#[test]
fn a_call_right_after_the_deletion_is_in_the_new_file_or_refused() {
    let house = House::new("[audit]\nsync = \"always\"");
    let server = house.start();
    for _ in 0..20 {
        fs::remove_file(house.path().join("audit.jsonl")).unwrap();
        let sent = house.forwarded().len();
        if house.status(&server) == 200 {
            let text = fs::read_to_string(house.path().join("audit.jsonl")).unwrap_or_default();
            let call = house.forwarded().pop().unwrap();
            assert!(text.contains(&call), "`{call}` was sent: {text}");
        } else {
            assert_eq!(house.forwarded().len(), sent);
        }
        wait_for("calls to be accepted again", || house.status(&server) == 200);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The gateway without root's capabilities: root may write anywhere, so file modes would not stop it.
fn powerless(house: &House) -> Server {
    let mut command = house.serve();
    if is_root() {
        command = Command::new("setpriv");
        command.args(["--bounding-set=-all", "--", env!("CARGO_BIN_EXE_ramgate"), "serve", "--config", "ramgate.toml"]);
        bare(&mut command, house.path());
    }
    Server::start(&mut command, "attempts are written to")
}

#[test]
fn calls_are_refused_while_the_log_folder_is_read_only() {
    if is_root() && !has("setpriv", "a folder that becomes read-only") {
        return;
    }
    for mode in ["always", "group", "none"] {
        let house = House::new(&format!("[audit]\npath = \"logs/audit.jsonl\"\nsync = \"{mode}\""));
        let logs = house.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let server = powerless(&house);
        assert_eq!(house.status(&server), 200);
        fs::set_permissions(&logs, Permissions::from_mode(0o500)).unwrap();
        assert_eq!(house.status(&server), 200, "{mode}: the file itself can be written");
        fs::remove_file(logs.join("audit.jsonl")).unwrap();
        wait_for("calls to be refused", || house.status(&server) == 503);
        let sent = house.forwarded().len();
        let answer = house.call(address(&server)).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{mode}");
        assert_eq!(house.forwarded().len(), sent, "{mode}: nothing is forwarded");
        fs::set_permissions(&logs, Permissions::from_mode(0o700)).unwrap();
        wait_for("calls to be accepted again", || house.status(&server) == 200);
    }
}
