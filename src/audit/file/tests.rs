//! The file sink on disks that are there and on some that are not.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use super::super::checkpoint_key::{CheckpointKey, NewCheckpointKey};

use super::*;

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn open(path: &Path, sync: SyncMode) -> Result<FileSink, OpenFault> {
    FileSink::open(FileSettings { sync, ..FileSettings::new(path, now) })
}

fn permit(sink: &FileSink) -> Result<(), SinkFault> {
    sink.append(LineClass::Permit, "{}").map(|appended| assert_eq!(appended, Appended::Written))
}

#[test]
fn a_log_goes_on_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for sync in [SyncMode::Always, SyncMode::Group, SyncMode::None] {
        let sink = open(&path, sync).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5).for_each(|_| permit(&sink).unwrap()));
            }
        });
        assert!(matches!(open(&path, sync), Err(OpenFault::InUse { .. })));
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let mut chain = Chain::new();
    let mut expected = Vec::new();
    (0..60).for_each(|_| chain.append("{}", &mut expected));
    assert_eq!(text.as_bytes(), expected);
}

#[test]
fn an_end_that_is_no_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for end in ["hello", "{\"seq\":1,\"prev\":\"0\n", "hello\n"] {
        std::fs::write(&path, end).unwrap();
        assert!(matches!(open(&path, SyncMode::None), Err(OpenFault::Unreadable { .. })), "{end}");
    }
    assert!(matches!(open(folder.path(), SyncMode::None), Err(OpenFault::Io { .. })));
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let full = Path::new("/dev/full");
    assert!(full.exists());
    let sink = open(full, SyncMode::None).unwrap();
    assert!(permit(&sink).is_err());
    assert_eq!(sink.shared.lock().chain, Chain::new());
    assert_eq!((sink.status().failed, sink.status().lost, sink.status().fault.is_some()), (1, 0, true));
}

#[test]
fn lines_that_are_not_required_are_counted() {
    let settings = FileSettings { requirement: Requirement::BestEffort, ..FileSettings::new("/dev/full", now) };
    let sink = FileSink::open(settings).unwrap();
    (0..3).for_each(|_| permit(&sink).unwrap());
    assert_eq!((sink.status().failed, sink.status().lost), (0, 3));
}

/// A clock that a test sets.
static SECONDS: AtomicI64 = AtomicI64::new(0);

fn set_clock() -> Timestamp {
    now() + jiff::SignedDuration::from_secs(SECONDS.load(Ordering::SeqCst))
}

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("waited in vain: {what}");
}

#[test]
fn time_alone_rotates_removes_and_attests() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("logs");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("audit.jsonl"), "").unwrap();
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink(target.join("audit.jsonl"), &link).unwrap();
    let key = NewCheckpointKey::random().unwrap();
    let checkpoints = CheckpointSettings {
        key: CheckpointKey::from_pem(&key.private).unwrap(),
        every: Duration::from_secs(3600),
        policy_revision: "sha256:0".to_owned(),
    };
    let (every, keep) = (Some(Duration::from_secs(60)), Some(Duration::from_secs(86_400)));
    let rotation = Rotation { every, keep, ..Rotation::default() };
    let settings = FileSettings { rotation, checkpoints: Some(checkpoints), ..FileSettings::new(&link, set_clock) };
    let sink = FileSink::open(settings).unwrap();
    let kinds = || {
        let text = std::fs::read_to_string(target.join("audit.checkpoints.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let shown = lines.map(|line| {
            let it = &line["checkpoint"];
            format!("{} {}-{} {}", it["kind"].as_str().unwrap(), it["first"], it["last"], it["count"])
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    SECONDS.store(3601, Ordering::SeqCst);
    wait_for("an hour without lines", || kinds() == "start 1-0 0, hour 1-0 0");
    permit(&sink).unwrap();
    SECONDS.store(3601 + 61, Ordering::SeqCst);
    let rotated = target.join("audit.000000000001-000000000001.jsonl");
    wait_for("the file is put away", || rotated.exists());
    wait_for("a checkpoint", || kinds() == "start 1-0 0, hour 1-0 0, rotation 1-1 1");
    assert_eq!(std::fs::read(target.join("audit.jsonl")).unwrap(), b"");
    // By the clock of the file system it was written just now, whatever year the test's clock shows.
    SECONDS.store(100 * 365 * 86_400, Ordering::SeqCst);
    wait_for("it is removed", || !rotated.exists());
    drop(sink);
    assert!(kinds().ends_with(", stop 2-1 0"), "{}", kinds());
}

/// At a moment when the keeper has not looked yet.
#[test]
fn a_change_is_noticed_by_the_next_line_too() {
    type Change = fn(&Path);
    let changes: [(Change, &str); 4] = [
        (|log| std::fs::OpenOptions::new().write(true).open(log).unwrap().set_len(10).unwrap(), "torn"),
        (|log| std::fs::write(log, "notes").unwrap(), "torn"),
        (|log| std::fs::remove_file(log).unwrap(), ""),
        (
            |log| std::fs::OpenOptions::new().append(true).open(log).unwrap().write_all(b"a forged line").unwrap(),
            "foreign",
        ),
    ];
    for (change, kept) in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let sink = open(&path, SyncMode::Always).unwrap();
        (0..3).for_each(|_| permit(&sink).unwrap());
        change(&path);
        // Unless the keeper was there first.
        let _ = permit(&sink);
        wait_for("it is mended", || sink.append(LineClass::Permit, "{\"after\":1}").is_ok());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"after\":1") && text.ends_with("}\n") && !text.contains('\0'), "{text}");
        assert!(text.lines().all(|line| serde_json::from_str::<super::super::chain::Link>(line).is_ok()), "{text}");
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let aside = names.filter(|name| name != "audit.jsonl").map(|name| name.into_string().unwrap());
        let aside: Vec<_> = aside.collect();
        assert_eq!(aside.len(), usize::from(!kept.is_empty()), "{aside:?}");
        assert!(aside.iter().all(|name| name.starts_with(&format!("audit.{kept}-"))), "{aside:?}");
    }
}

#[test]
fn a_disk_that_hangs_gets_no_more_lines() {
    let folder = tempfile::tempdir().unwrap();
    let sink = open(&folder.path().join("audit.jsonl"), SyncMode::Group).unwrap();
    assert!(!sink.blocks());
    sink.shared.syncs(Some(now() - jiff::SignedDuration::from_millis(50)));
    assert!(sink.blocks(), "whoever writes now is told that it may take time");
    sink.shared.syncs(Some(now() - jiff::SignedDuration::from_secs(2)));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| permit(&sink));
        thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        assert_eq!(sink.status().written, 0);
        sink.shared.syncs(None);
        assert_eq!(waiting.join().unwrap(), Ok(()));
    });
}

/// `/dev/null` takes every byte, and cannot be synced.
#[test]
fn a_sync_that_fails_turns_the_log_bad() {
    let null = Path::new("/dev/null");
    let sink = open(null, SyncMode::Always).unwrap();
    assert!(permit(&sink).is_err());
    assert!(permit(&sink).is_err());
    let sink = open(null, SyncMode::Group).unwrap();
    assert_eq!(permit(&sink), Ok(()), "the line was handed over");
    while sink.shared.lock().bad.is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(permit(&sink).is_err(), "and no other is before it can be synced");
    assert!(sink.status().fault.is_some());
}
