//! The file sink on disks that are there and on some that are not.

use std::path::Path;

use super::*;

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn open(path: &Path, sync: SyncMode) -> Result<FileSink, OpenFault> {
    FileSink::open(FileSettings { sync, ..FileSettings::new(path, now) })
}

#[test]
fn a_log_goes_on_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for sync in [SyncMode::Always, SyncMode::Group, SyncMode::None] {
        let sink = open(&path, sync).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5).for_each(|_| sink.append("{}").unwrap()));
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
    assert!(sink.append("{}").is_err());
    assert_eq!(sink.shared.lock().chain, Chain::new());
    assert_eq!((sink.status().failed, sink.status().lost, sink.status().fault.is_some()), (1, 0, true));
}

#[test]
fn lines_that_are_not_required_are_counted() {
    let settings = FileSettings { requirement: Requirement::BestEffort, ..FileSettings::new("/dev/full", now) };
    let sink = FileSink::open(settings).unwrap();
    (0..3).for_each(|_| sink.append("{}").unwrap());
    assert_eq!((sink.status().failed, sink.status().lost), (0, 3));
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
        let waiting = scope.spawn(|| sink.append("{}"));
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
    assert!(sink.append("{}").is_err());
    assert!(sink.append("{}").is_err());
    let sink = open(null, SyncMode::Group).unwrap();
    assert_eq!(sink.append("{}"), Ok(()), "the line was handed over");
    while sink.shared.lock().bad.is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(sink.append("{}").is_err(), "and no other is before it can be synced");
    assert!(sink.status().fault.is_some());
}
