//! Rotation of the log: files are renamed, compressed, covered by checkpoints, and removed by retention.

use std::cell::Cell;
use std::time::Duration;
use std::{fs, thread};

use super::log::{Gaps, Log, named, rotated, stage};
use crate::support::house::{House, address, with_key};
use crate::support::parts::has;
use crate::support::{ramgate, wait_for};

#[test]
fn rotation_splits_no_line_and_loses_no_line() {
    for mode in ["always", "group", "none"] {
        let house = with_key(&format!("[audit]\nsync = \"{mode}\"\nrotate_size = \"64KiB\"\ncompress = true"));
        let mut server = house.start();
        let address = address(&server);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..40).for_each(|_| assert_eq!(house.call(address).unwrap().status, 200)));
            }
        });
        // The number of rotations depends on the disk's speed.
        let more = Cell::new(0);
        wait_for("four rotated files", || {
            more.set(more.get() + 1);
            assert_eq!(house.call(address).unwrap().status, 200);
            rotated(house.path()).len() > 3
        });
        wait_for("every rotated file to be compressed", || {
            rotated(house.path()).iter().all(|path| path.extension().unwrap() == "gz")
        });
        assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
        let log = Log::read(house.path());
        let events = log.verified(Gaps::None);
        assert_eq!(events.iter().filter(|event| stage(event) == "Decision").count(), 160 + more.get(), "{mode}");
        let kinds = log.checkpoints(house.path());
        assert_eq!(kinds.iter().filter(|kind| *kind == "rotation").count(), rotated(house.path()).len(), "{mode}");
        assert_eq!((kinds[0].as_str(), kinds[kinds.len() - 1].as_str()), ("start", "stop"), "{mode}");
    }
}

#[test]
fn the_chain_continues_after_a_crash_in_the_middle_of_a_rotation() {
    for form in ["plain", "gzip"] {
        let house = House::new("[audit]\nsync = \"always\"");
        let server = house.start();
        assert_eq!(house.status(&server), 200);
        wait_for("both lines", || Log::read(house.path()).lines.len() == 2);
        drop(server);
        let away = house.path().join("audit.000000000001-000000000002.jsonl");
        fs::rename(house.path().join("audit.jsonl"), &away).unwrap();
        if form == "gzip" && !has("gzip", "a rotation that had compressed its file") {
            continue;
        }
        if form == "gzip" {
            assert!(std::process::Command::new("gzip").arg(&away).status().unwrap().success());
        } else {
            fs::write(house.path().join("audit.next.jsonl"), "").unwrap();
        }
        let server = house.start();
        assert_eq!(house.status(&server), 200);
        wait_for("four lines", || Log::read(house.path()).lines.len() == 4);
        Log::read(house.path()).verified(Gaps::None);
        drop(server);
    }
}

#[test]
fn retention_removes_only_files_that_a_checkpoint_covers() {
    let house = with_key("[audit]\nsync = \"none\"\nrotate_size = \"64KiB\"\nkeep_files = 2");
    let server = house.start();
    for _ in 0..160 {
        assert_eq!(house.status(&server), 200);
    }
    wait_for("old files to be removed", || {
        let files = rotated(house.path());
        files.len() == 2 && !files[0].to_string_lossy().contains("audit.000000000001-")
    });
    let log = Log::read(house.path());
    log.verified(Gaps::Some(1));
    log.checkpoints(house.path());
}

#[test]
fn lines_cut_off_while_the_gateway_was_stopped_prevent_the_start() {
    let house = with_key("[audit]\nsync = \"always\"");
    let mut server = house.start();
    assert_eq!(house.status(&server), 200);
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0));
    let log = house.path().join("audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.lines().next().unwrap().to_owned() + "\n").unwrap();
    let ran = ramgate(house.path(), &["serve", "--config", "ramgate.toml"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("does not reach line 2"), "{ran:?}");
    fs::write(&log, text).unwrap();
    drop(house.start());
}

#[test]
fn key_checkpoint_does_not_overwrite_a_key() {
    let house = with_key("[audit]\nsync = \"always\"");
    let again = ramgate(house.path(), &["key", "checkpoint", "--out", "checkpoint.key"]);
    assert_eq!((again.status, again.stdout.as_str()), (2, ""));
    assert!(again.stderr.contains("cannot be written"), "{again:?}");
    assert_eq!(named(house.path(), "checkpoint.key").len(), 2);
}
