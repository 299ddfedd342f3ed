//! The gateway does not start on a log that contradicts its checkpoints, unless `--accept-lost-log` gives the log up.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::log::{Gaps, Log, hash, named, reasons};
use crate::support::house::{House, with_key};
use crate::support::program::close_to_others;
use crate::support::{Ran, Server, ramgate};

const SERVE: [&str; 3] = ["serve", "--config", "ramgate.toml"];

/// A folder with a log of three calls and its checkpoints, left by a gateway that has stopped cleanly.
fn stopped() -> House {
    let house = with_key("[audit]\nsync = \"always\"");
    let mut server = house.start();
    for _ in 0..3 {
        assert_eq!(house.status(&server), 200);
    }
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    house
}

fn start(house: &House) -> Ran {
    ramgate(house.path(), &SERVE)
}

fn log(house: &House) -> std::path::PathBuf {
    house.path().join("audit.jsonl")
}

fn lines_of(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn put(path: &Path, lines: &[String]) {
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

/// Changes the last checkpoint without signing it again.
fn forge_last(house: &House, change: impl Fn(&mut Value)) {
    let path = house.path().join("audit.checkpoints.jsonl");
    let mut lines = lines_of(&path);
    let mut last: Value = serde_json::from_str(&lines.pop().unwrap()).unwrap();
    change(&mut last);
    lines.push(last.to_string());
    put(&path, &lines);
}

type Change = fn(&House);

const CHANGES: [(&str, Change, &str); 8] = [
    ("deleted", |house| fs::remove_file(log(house)).unwrap(), "is missing or empty, but it was signed up to line 6"),
    ("emptied", |house| fs::write(log(house), "").unwrap(), "is missing or empty, but it was signed up to line 6"),
    ("cut", |house| put(&log(house), &lines_of(&log(house))[..2]), "does not reach line 6, up to which it was signed"),
    (
        "cut, with a checkpoint to match",
        |house| {
            let lines = lines_of(&log(house));
            put(&log(house), &lines[..2]);
            forge_last(house, |line| {
                line["checkpoint"]["last"] = 2.into();
                line["checkpoint"]["lastHash"] = hash(lines[1].as_bytes()).into();
                line["signature"] = "AAAA".into();
            });
        },
        "the signature of its last checkpoint does not verify",
    ),
    (
        "signed with another key",
        |house| forge_last(house, |line| line["checkpoint"]["keyId"] = "0123456789abcdef".into()),
        "signed with the key `0123456789abcdef`, which is neither the key in use",
    ),
    (
        "a last checkpoint without content",
        |house| {
            let path = house.path().join("audit.checkpoints.jsonl");
            let mut lines = lines_of(&path);
            lines.push("{}".to_owned());
            put(&path, &lines);
        },
        "its last checkpoint is damaged",
    ),
    (
        "another last line",
        |house| {
            let mut lines = lines_of(&log(house));
            let last = lines.pop().unwrap().replace("\"Outcome\"", "\"outcome\"");
            put(&log(house), &[lines, vec![last]].concat());
        },
        "has a line 6 that differs from the signed one",
    ),
    (
        "another chain",
        |house| {
            let other = house.path().join("elsewhere");
            fs::create_dir(&other).unwrap();
            fs::rename(log(house), other.join("audit.jsonl")).unwrap();
            let checkpoints = house.path().join("audit.checkpoints.jsonl");
            fs::rename(&checkpoints, other.join("checkpoints")).unwrap();
            let server = house.start();
            assert_eq!(house.status(&server), 200);
            drop(server);
            fs::rename(other.join("checkpoints"), checkpoints).unwrap();
        },
        "is not the chain that was signed up to line 6",
    ),
];

#[test]
fn a_log_that_contradicts_its_checkpoints_prevents_the_start() {
    for (name, change, said) in CHANGES {
        let house = stopped();
        change(&house);
        let before = named(house.path(), "audit");
        let ran = start(&house);
        assert_eq!(ran.status, 2, "{name}: {ran:?}");
        for part in [said, "audit.checkpoints.jsonl`", "--accept-lost-log"] {
            assert!(ran.stderr.contains(part), "{name}: no `{part}`: {ran:?}");
        }
        assert_eq!(named(house.path(), "audit"), before, "{name}: a failed start leaves no files behind");
        assert_eq!(start(&house).status, 2, "{name}: the second start fails too");
    }
}

#[test]
fn serve_and_audit_verify_name_the_same_checkpoint_of_a_lost_log() {
    let house = stopped();
    let mut server = house.start();
    assert_eq!(house.status(&server), 200);
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    let last = lines_of(&log(&house)).len();
    assert!(last > 6, "{last}");
    for left in [3, 0] {
        put(&log(&house), &lines_of(&log(&house))[..left]);
        let ran = start(&house);
        assert!(ran.stderr.contains(&format!("line {last}")), "{ran:?}");
        let verified = ramgate(house.path(), &["audit", "verify", "."]);
        assert_eq!(verified.status, 1, "{verified:?}");
        let said = format!("it vouches for lines up to {last}, but the log ends with line ");
        assert_eq!(verified.stdout.matches("it vouches for lines up to").count(), 1, "{verified:?}");
        assert!(verified.stdout.contains(&said), "{verified:?}");
    }
}

#[test]
fn a_signed_line_in_the_middle_of_the_log_is_compared_too() {
    let house = stopped();
    // A crash leaves lines after the last checkpoint.
    let server = house.start();
    assert_eq!(house.status(&server), 200);
    drop(server);
    let good = lines_of(&log(&house));
    assert!(good.len() >= 7, "{good:?}");
    let mut changed = good.clone();
    changed[5] = changed[5].replace("\"Outcome\"", "\"outcome\"");
    put(&log(&house), &changed);
    let ran = start(&house);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("has a line 6 that differs from the signed one"), "{ran:?}");
    put(&log(&house), &good);
    drop(house.start());
}

fn accepting(house: &House) -> Server {
    let mut command = house.serve();
    command.args(["--accept-lost-log", "the disk died, ticket 4711"]);
    Server::start(&mut command, "attempts are written to")
}

#[test]
fn an_abandoned_log_is_kept_and_the_new_chain_begins_with_the_reason() {
    for (name, change, said) in CHANGES {
        let house = stopped();
        change(&house);
        let mut server = accepting(&house);
        assert_eq!(house.status(&server), 200, "{name}");
        assert!(server.stderr().contains("ERROR"), "{name}: {}", server.stderr());
        assert!(server.stderr().contains(".checkpoints.jsonl"), "{name}: {}", server.stderr());
        assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
        let new = Log { lines: lines_of(&log(&house)), torn: String::new() };
        let events = new.verified(Gaps::None);
        let first = reasons(&events[..2]);
        assert!(first[0].ends_with("--accept-lost-log`: the disk died, ticket 4711"), "{name}: {first:?}");
        for part in ["audit.lost-", said] {
            assert!(first[1].contains(part), "{name}: no `{part}`: {first:?}");
        }
        assert_eq!(
            named(house.path(), "audit.lost-").len(),
            if name == "deleted" || name == "emptied" { 1 } else { 2 }
        );
        // The new log verifies on its own, and the next start needs no flag.
        let verified = ramgate(house.path(), &["audit", "verify", "audit.jsonl", "--public-key", "checkpoint.key.pub"]);
        assert_eq!(verified.status, 0, "{name}: {verified:?}");
        drop(house.start());
        // Verification of the whole folder still reports the lost lines.
        let all = ramgate(house.path(), &["audit", "verify", ".", "--public-key", "checkpoint.key.pub"]);
        assert_eq!(all.status, 1, "{name}: {all:?}");
    }
}

#[test]
fn a_changed_checkpoint_key_must_be_listed_as_a_previous_key() {
    let house = stopped();
    for name in ["checkpoint.key", "checkpoint.key.pub"] {
        fs::rename(house.path().join(name), house.path().join(name.replace("checkpoint", "old"))).unwrap();
    }
    let made = ramgate(house.path(), &["key", "checkpoint", "--out", "checkpoint.key"]);
    assert_eq!(made.status, 0, "{made:?}");
    let ran = start(&house);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("previous_keys"), "{ran:?}");
    house.configure(
        "[audit.checkpoint]\nkey_file = \"checkpoint.key\"\nprevious_keys = [\"old.key.pub\"]\n[audit]\nsync = \"always\"",
    );
    let mut server = house.start();
    assert_eq!(house.status(&server), 200);
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    house.configure("[audit.checkpoint]\nkey_file = \"checkpoint.key\"\n[audit]\nsync = \"always\"");
    drop(house.start());
}

#[test]
fn without_a_checkpoint_key_the_log_is_still_compared_with_its_checkpoints() {
    let house = stopped();
    house.configure("[audit]\nsync = \"always\"");
    drop(house.start());
    fs::remove_file(log(&house)).unwrap();
    let ran = start(&house);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("is missing or empty"), "{ran:?}");
}

/// Ordinary starts: the first one, one after a run without calls, one after a rotation.
#[test]
fn an_ordinary_start_needs_no_flag() {
    let house = with_key("[audit]\nsync = \"always\"\nrotate_size = \"64KiB\"");
    for calls in [0, 0, 60, 1] {
        let mut server = house.start();
        for _ in 0..calls {
            assert_eq!(house.status(&server), 200);
        }
        assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    }
    // A crash in a rotation, before the new current file was created.
    let log = log(&house);
    let lines = lines_of(&log);
    let number = |line: &String| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap();
    let (first, last) = (number(&lines[0]), number(&lines[lines.len() - 1]));
    fs::rename(&log, house.path().join(format!("audit.{first:012}-{last:012}.jsonl"))).unwrap();
    close_to_others(&house.path().join("checkpoint.key"));
    let server = house.start();
    assert_eq!(house.status(&server), 200);
    drop(server);
    Log::read(house.path()).verified(Gaps::None);
}
