//! A log path that is, or has become, a symbolic link: checkpoints beside each link count, as do those beside the file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::log::{Gaps, Log, named, reasons};
use crate::support::house::{House, with_key};
use crate::support::{Ran, Server, ramgate};

/// A log of three calls that was moved to `away/kept.jsonl`, with a link to the given target in its place.
fn replaced_by_a_link(target: impl FnOnce(&House) -> PathBuf) -> House {
    let house = with_key("[audit]\nsync = \"always\"");
    let mut server = house.start();
    for _ in 0..3 {
        assert_eq!(house.status(&server), 200);
    }
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    fs::create_dir(house.path().join("away")).unwrap();
    fs::rename(log(&house), house.path().join("away/kept.jsonl")).unwrap();
    symlink(target(&house), log(&house)).unwrap();
    house
}

fn log(house: &House) -> PathBuf {
    house.path().join("audit.jsonl")
}

fn serve(house: &House) -> Ran {
    ramgate(house.path(), &["serve", "--config", "ramgate.toml"])
}

fn refused(house: &House, said: &str) {
    let ran = serve(house);
    assert_eq!(ran.status, 2, "{ran:?}");
    for part in [said, "audit.checkpoints.jsonl`", "--accept-lost-log"] {
        assert!(ran.stderr.contains(part), "no `{part}`: {ran:?}");
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

#[test]
fn a_log_replaced_by_a_link_to_another_file_prevents_the_start() {
    let gone = "is missing or empty, but it was signed up to line 6";
    let empty = replaced_by_a_link(|house| {
        let target = house.path().join("away/other.jsonl");
        fs::write(&target, "").unwrap();
        target
    });
    refused(&empty, gone);

    let house = replaced_by_a_link(|_| "away/made.jsonl".into());
    refused(&house, gone);
    assert_eq!(names_in(&house.path().join("away")), ["kept.jsonl"], "a failed start leaves no files behind");
    refused(&house, gone);

    refused(&replaced_by_a_link(|_| "/dev/null".into()), gone);

    // A link to the first lines of the same chain.
    let house = replaced_by_a_link(|house| {
        let text = fs::read_to_string(house.path().join("away/kept.jsonl")).unwrap();
        let two: String = text.split_inclusive('\n').take(2).collect();
        fs::write(house.path().join("away/cut.jsonl"), two).unwrap();
        "away/cut.jsonl".into()
    });
    refused(&house, "does not reach line 6, up to which it was signed");

    // A link to a log that another gateway wrote, with its own checkpoints.
    let house = replaced_by_a_link(|_| "away/fresh.jsonl".into());
    let checkpoints = house.path().join("audit.checkpoints.jsonl");
    fs::rename(&checkpoints, house.path().join("for a while")).unwrap();
    drop(house.start());
    fs::rename(house.path().join("for a while"), checkpoints).unwrap();
    assert!(house.path().join("away/fresh.checkpoints.jsonl").exists());
    refused(&house, "is missing or empty, but it was signed up to line 6");
}

/// The operator's own link is unchanged, but the log that it leads to was replaced by a link.
#[test]
fn a_link_in_the_middle_of_a_chain_of_links_is_checked_too() {
    let house = replaced_by_a_link(|_| "away/kept.jsonl".into());
    fs::rename(house.path().join("audit.checkpoints.jsonl"), house.path().join("away/kept.checkpoints.jsonl")).unwrap();
    let mut server = house.start();
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    fs::create_dir(house.path().join("far")).unwrap();
    fs::remove_file(house.path().join("away/kept.jsonl")).unwrap();
    symlink("../far/other.jsonl", house.path().join("away/kept.jsonl")).unwrap();
    let ran = serve(&house);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("kept.checkpoints.jsonl`"), "{ran:?}");
    assert!(names_in(&house.path().join("far")).is_empty());
}

#[test]
fn a_log_that_was_moved_and_linked_continues() {
    // The checkpoints were not moved.
    let house = replaced_by_a_link(|_| "away/kept.jsonl".into());
    for _ in 0..2 {
        let mut server = house.start();
        assert_eq!(house.status(&server), 200);
        assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    }
    // The checkpoints were moved and linked too.
    let house = replaced_by_a_link(|_| "away/kept.jsonl".into());
    fs::rename(house.path().join("audit.checkpoints.jsonl"), house.path().join("away/kept.checkpoints.jsonl")).unwrap();
    symlink("away/kept.checkpoints.jsonl", house.path().join("audit.checkpoints.jsonl")).unwrap();
    for _ in 0..2 {
        let mut server = house.start();
        assert_eq!(house.status(&server), 200);
        assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    }
}

#[test]
fn accept_lost_log_also_sets_aside_the_checkpoints_beside_the_link() {
    let house = replaced_by_a_link(|_| "away/made.jsonl".into());
    let mut command = house.serve();
    command.args(["--accept-lost-log", "moved to another disk"]);
    let mut server = Server::start(&mut command, "attempts are written to");
    assert_eq!(house.status(&server), 200);
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    assert_eq!(named(house.path(), "audit.lost-").len(), 1, "the checkpoints");
    let text = fs::read_to_string(house.path().join("away/made.jsonl")).unwrap();
    let new = Log { lines: text.lines().map(str::to_owned).collect(), torn: String::new() };
    let events = new.verified(Gaps::None);
    let first = reasons(&events[..2]);
    assert!(first[0].ends_with("--accept-lost-log`: moved to another disk"), "{first:?}");
    assert!(first[1].contains("audit.lost-"), "{first:?}");
    drop(house.start());
}
