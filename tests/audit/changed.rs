//! A log that another process deletes, replaces, truncates or writes into, and a folder that turns read-only.

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
    /// The start of a name that something is kept under.
    kept: Option<&'static str>,
    gaps: Gaps,
}

fn move_away(log: &Path) {
    fs::rename(log, log.with_file_name("moved")).unwrap();
}

/// In one step: the gateway may look at any moment.
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
        change: |log| put_in_its_place(log, "somebody's notes"),
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
fn a_log_that_is_changed_from_outside_is_noticed_and_goes_on() {
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
            wait_for("it is noticed, though nobody calls", || server.stderr().contains(said));
            wait_for("calls are taken again", || house.status(&server) == 200);
            wait_for("it is told in the log", || {
                reasons(&Log::read(house.path()).verified(gaps)).iter().any(|reason| reason.contains(said))
            });
            let first = Log::read(house.path()).lines[0].clone();
            let expected = if matches!(gaps, Gaps::Some(_)) { "{\"seq\":7," } else { "{\"seq\":1," };
            assert!(first.starts_with(expected), "{mode}, {name}: the chain goes on: {first}");
            if let Some(kept) = kept {
                assert_eq!(named(house.path(), kept).len(), 1, "{mode}, {name}");
            }
        }
    }
}

/// In the mode that promises it, no call goes on whose line is not in the file that the path names.
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
        wait_for("calls are taken again", || house.status(&server) == 200);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Root may write everywhere; without its capabilities it is a user like others.
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
fn a_folder_that_turns_read_only_refuses_calls_until_it_is_mended() {
    if is_root() && !has("setpriv", "a folder that turns read-only") {
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
        wait_for("calls are refused", || house.status(&server) == 503);
        let sent = house.forwarded().len();
        let answer = house.call(address(&server)).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{mode}");
        assert_eq!(house.forwarded().len(), sent, "{mode}: nothing is forwarded");
        fs::set_permissions(&logs, Permissions::from_mode(0o700)).unwrap();
        wait_for("calls are taken again", || house.status(&server) == 200);
    }
}
