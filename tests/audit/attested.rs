//! A log that is not the one that its checkpoints attest to does not start, unless it is given up by name.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::log::{Gaps, Log, hash, named, reasons};
use crate::support::house::{House, with_key};
use crate::support::program::close_to_others;
use crate::support::{Ran, Server, ramgate};

const SERVE: [&str; 3] = ["serve", "--config", "ramgate.toml"];

/// A log of three calls under checkpoints, and a gateway that has ended in order.
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

/// Exchanges the end of a last checkpoint's text for what it says about another line, with no signature of ours.
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
    ("deleted", |house| fs::remove_file(log(house)).unwrap(), "is missing or empty, and it was signed up to line 6"),
    ("emptied", |house| fs::write(log(house), "").unwrap(), "is missing or empty, and it was signed up to line 6"),
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
        "signed by somebody else",
        |house| forge_last(house, |line| line["checkpoint"]["keyId"] = "0123456789abcdef".into()),
        "signed with the key `0123456789abcdef`, which is neither the key in use",
    ),
    (
        "a last checkpoint that is none",
        |house| {
            let path = house.path().join("audit.checkpoints.jsonl");
            let mut lines = lines_of(&path);
            lines.push("{}".to_owned());
            put(&path, &lines);
        },
        "its last checkpoint is damaged",
    ),
    (
        "another end",
        |house| {
            let mut lines = lines_of(&log(house));
            let last = lines.pop().unwrap().replace("\"Outcome\"", "\"outcome\"");
            put(&log(house), &[lines, vec![last]].concat());
        },
        "does not have the line 6 that was signed, but another one",
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
        "is another chain than the one that was signed up to line 6",
    ),
];

#[test]
fn a_log_that_is_not_what_was_signed_does_not_start() {
    for (name, change, said) in CHANGES {
        let house = stopped();
        change(&house);
        let before = named(house.path(), "audit");
        let ran = start(&house);
        assert_eq!(ran.status, 2, "{name}: {ran:?}");
        for part in [said, "audit.checkpoints.jsonl`", "--accept-lost-log"] {
            assert!(ran.stderr.contains(part), "{name}: no `{part}`: {ran:?}");
        }
        assert_eq!(named(house.path(), "audit"), before, "{name}: a start that fails leaves nothing behind");
        assert_eq!(start(&house).status, 2, "{name}: nor does it at the second try");
    }
}

#[test]
fn a_start_and_a_reader_name_the_same_checkpoint_of_a_log_that_was_lost() {
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
        let said = format!("it vouches for lines up to {last}, and the log ends with line ");
        assert_eq!(verified.stdout.matches("it vouches for lines up to").count(), 1, "{verified:?}");
        assert!(verified.stdout.contains(&said), "{verified:?}");
    }
}

#[test]
fn a_line_in_the_middle_is_compared_too() {
    let house = stopped();
    // A crash leaves lines behind the last checkpoint.
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
    assert!(ran.stderr.contains("does not have the line 6 that was signed"), "{ran:?}");
    put(&log(&house), &good);
    drop(house.start());
}

fn accepting(house: &House) -> Server {
    let mut command = house.serve();
    command.args(["--accept-lost-log", "the disk died, ticket 4711"]);
    Server::start(&mut command, "attempts are written to")
}

#[test]
fn a_log_that_is_given_up_is_kept_and_the_new_chain_says_why() {
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
        // The new one verifies by itself, and needs nothing any more.
        let verified = ramgate(house.path(), &["audit", "verify", "audit.jsonl", "--public-key", "checkpoint.key.pub"]);
        assert_eq!(verified.status, 0, "{name}: {verified:?}");
        drop(house.start());
        // What was lost still shows.
        let all = ramgate(house.path(), &["audit", "verify", ".", "--public-key", "checkpoint.key.pub"]);
        assert_eq!(all.status, 1, "{name}: {all:?}");
    }
}

#[test]
fn a_key_that_was_changed_is_named() {
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
fn without_the_key_the_log_is_compared_all_the_same() {
    let house = stopped();
    house.configure("[audit]\nsync = \"always\"");
    drop(house.start());
    fs::remove_file(log(&house)).unwrap();
    let ran = start(&house);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("is missing or empty"), "{ran:?}");
}

/// Starts that are as they should be: a first one, one after a start without calls, one after a rotation.
#[test]
fn an_honest_start_needs_no_flag() {
    let house = with_key("[audit]\nsync = \"always\"\nrotate_size = \"64KiB\"");
    for calls in [0, 0, 60, 1] {
        let mut server = house.start();
        for _ in 0..calls {
            assert_eq!(house.status(&server), 200);
        }
        assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    }
    // A crash that left no current file behind a rotation.
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
