//! The file sink, on working disks and on failing ones.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::super::checkpoint_key::{CheckpointKey, NewCheckpointKey};

use jiff::Timestamp;

use super::super::chain::Chain;
use super::super::sink::{Appended, LineClass, Requirement, Shortage};
use super::*;

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn elapsed() -> Duration {
    Duration::from_secs(1000)
}

const STILL: Clocks = Clocks { now, elapsed };

fn open(path: &Path, sync: SyncMode) -> Result<FileSink, OpenError> {
    FileSink::open(FileSettings { sync, ..FileSettings::new(path, STILL) })
}

fn permit(sink: &FileSink) -> Result<(), SinkError> {
    sink.append(LineClass::Permit, "{}").map(|appended| assert_eq!(appended, Appended::Written))
}

fn hourly_checkpoints() -> CheckpointSettings {
    let key = NewCheckpointKey::random().unwrap();
    CheckpointSettings {
        key: CheckpointKey::from_pem(&key.private).unwrap(),
        previous: Vec::new(),
        every: Duration::from_secs(3600),
        policy_revision: "sha256:0".to_owned(),
    }
}

#[test]
fn a_log_continues_after_its_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for sync in [SyncMode::Always, SyncMode::Group, SyncMode::None] {
        let sink = open(&path, sync).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5).for_each(|_| permit(&sink).unwrap()));
            }
        });
        assert!(matches!(open(&path, sync), Err(OpenError::InUse { .. })));
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let mut chain = Chain::new();
    let mut expected = Vec::new();
    (0..60).for_each(|_| chain.append("{}", &mut expected));
    assert_eq!(text.as_bytes(), expected);
}

#[test]
fn an_end_that_is_not_a_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    for end in ["hello", "{\"seq\":1,\"prev\":\"0\n", "hello\n"] {
        std::fs::write(&path, end).unwrap();
        assert!(matches!(open(&path, SyncMode::None), Err(OpenError::Unreadable { .. })), "{end}");
    }
    assert!(matches!(open(folder.path(), SyncMode::None), Err(OpenError::Io { .. })));
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let full = Path::new("/dev/full");
    assert!(full.exists());
    let sink = open(full, SyncMode::None).unwrap();
    assert!(permit(&sink).is_err());
    assert_eq!(sink.shared.lock().queue.chain, Chain::new());
    assert_eq!((sink.status().failed, sink.status().lost, sink.status().error.is_some()), (1, 0, true));
}

#[test]
fn lines_that_are_not_required_are_counted() {
    let settings = FileSettings { requirement: Requirement::BestEffort, ..FileSettings::new("/dev/full", STILL) };
    let sink = FileSink::open(settings).unwrap();
    (0..3).for_each(|_| permit(&sink).unwrap());
    assert_eq!((sink.status().failed, sink.status().lost), (0, 3));
}

/// The time of a test, in seconds. The test advances it.
static SECONDS: AtomicI64 = AtomicI64::new(0);

const PASSING: Clocks = Clocks {
    now: || now() + jiff::SignedDuration::from_secs(SECONDS.load(Ordering::SeqCst)),
    elapsed: || Duration::from_secs(SECONDS.load(Ordering::SeqCst).unsigned_abs()),
};

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("timed out waiting: {what}");
}

#[test]
fn time_alone_rotates_removes_and_attests() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("logs");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("audit.jsonl"), "").unwrap();
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink(target.join("audit.jsonl"), &link).unwrap();
    let checkpoints = hourly_checkpoints();
    let (every, keep) = (Some(Duration::from_secs(60)), Some(Duration::from_secs(86_400)));
    let rotation = Rotation { every, keep, ..Rotation::default() };
    let settings = FileSettings { rotation, checkpoints: Some(checkpoints), ..FileSettings::new(&link, PASSING) };
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
    wait_for("the file is rotated", || rotated.exists());
    wait_for("a checkpoint", || kinds() == "start 1-0 0, hour 1-0 0, rotation 1-1 1");
    assert_eq!(std::fs::read(target.join("audit.jsonl")).unwrap(), b"");
    // The file system dates the file now, so it is old if the test's clock is a century ahead.
    SECONDS.store(100 * 365 * 86_400, Ordering::SeqCst);
    wait_for("it is removed", || !rotated.exists());
    drop(sink);
    assert!(kinds().ends_with(", stop 2-1 0"), "{}", kinds());
}

/// The next line detects a change even if the worker has not looked yet.
#[test]
fn a_change_is_detected_by_the_next_line_too() {
    type Change = fn(&Path);
    let changes: [(Change, &str); 4] = [
        (|log| std::fs::OpenOptions::new().write(true).open(log).unwrap().set_len(10).unwrap(), "torn"),
        (
            |log| {
                // Never empty in between: the worker may look at any moment.
                let mut file = std::fs::OpenOptions::new().write(true).open(log).unwrap();
                file.write_all(b"notes").unwrap();
                file.set_len(5).unwrap();
            },
            "torn",
        ),
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
        // This line fails, unless the worker repairs the log first.
        let _ = permit(&sink);
        wait_for("it is repaired", || sink.append(LineClass::Permit, "{\"after\":1}").is_ok());
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
    sink.shared.set_syncing(Some(elapsed() - Duration::from_millis(50)));
    assert!(sink.blocks(), "the next writer knows that it may have to wait");
    sink.shared.set_syncing(Some(elapsed() - Duration::from_secs(2)));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| permit(&sink));
        thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        assert_eq!(sink.status().written, 0);
        sink.shared.set_syncing(None);
        assert_eq!(waiting.join().unwrap(), Ok(()));
    });
}

/// `/dev/null` takes every byte, and cannot be synced.
#[test]
fn a_failed_sync_breaks_the_log() {
    let null = Path::new("/dev/null");
    let sink = open(null, SyncMode::Always).unwrap();
    assert!(permit(&sink).is_err());
    assert!(permit(&sink).is_err());
    let sink = open(null, SyncMode::Group).unwrap();
    assert_eq!(permit(&sink), Ok(()), "the line was written");
    while sink.shared.lock().health.broken.is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(permit(&sink).is_err(), "no other line is written before the file can be synced");
    assert!(sink.status().error.is_some());
}

fn event(stage: &str, verdict: &str, bytes: usize) -> String {
    let padding = "x".repeat(bytes);
    format!(
        "{{\"padding\":\"{padding}\",\"additionalEventData\":{{\"gateway\":{{\"stage\":\"{stage}\",\
         \"verdict\":\"{verdict}\",\"chain\":\"c\"}}}}}}"
    )
}

/// Refusals get as much of a file as permits. They neither displace a permit nor cause a rotation.
#[test]
fn a_file_is_rotated_when_it_is_full_of_permits_and_not_because_of_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let open = || {
        let rotation = Rotation { size: Some(10_000), ..Rotation::default() };
        FileSink::open(FileSettings { rotation, sync: SyncMode::None, ..FileSettings::new(&path, STILL) }).unwrap()
    };
    let refusal = event("Decision", "ImplicitDeny", 800);
    let refuse = |sink: &FileSink| sink.append(LineClass::Refusal, &refusal).unwrap();
    let sink = open();
    let taken = (0..100).filter(|_| refuse(&sink) == Appended::Written).count();
    assert!((8..=10).contains(&taken), "{taken}");
    assert!(!sink.takes_refusals());
    assert_eq!(sink.status().left_out, 100 - taken as u64);
    assert_eq!(sink.status().shortage, Some(Shortage::FileShare));
    drop(sink);
    // After a restart, the log knows how full the file is.
    let sink = open();
    assert_eq!(refuse(&sink), Appended::Counted);
    let permit = event("Outcome", "Allow", 800);
    let rotated = || std::fs::read_dir(folder.path()).unwrap().count() - 1;
    for _ in 0..9 {
        assert_eq!(sink.append(LineClass::Permit, &permit), Ok(Appended::Written));
    }
    thread::sleep(Duration::from_millis(50));
    assert_eq!(rotated(), 0, "refusals do not count");
    for _ in 0..3 {
        assert_eq!(sink.append(LineClass::Permit, &permit), Ok(Appended::Written));
    }
    wait_for("the file is rotated", || rotated() == 1);
    assert_eq!(refuse(&sink), Appended::Written, "a new file has room");
}

static FREE: AtomicI64 = AtomicI64::new(0);
/// How often the log asked for the free space.
static LOOKS: AtomicI64 = AtomicI64::new(0);
static MOMENT: AtomicI64 = AtomicI64::new(0);

#[test]
fn reserved_space_is_kept_for_permits() {
    let clocks = Clocks { now, elapsed: || Duration::from_secs(MOMENT.load(Ordering::SeqCst).unsigned_abs()) };
    let folder = tempfile::tempdir().unwrap();
    FREE.store(11_000, Ordering::SeqCst);
    let settings = FileSettings {
        min_free: 10_000,
        free_space: |_| {
            LOOKS.fetch_add(1, Ordering::SeqCst);
            Some(FREE.load(Ordering::SeqCst).unsigned_abs())
        },
        ..FileSettings::new(folder.path().join("audit.jsonl"), clocks)
    };
    let sink = FileSink::open(settings).unwrap();
    // Once at the start, and once by the worker, which looks again only when time passes.
    wait_for("the worker's first look", || LOOKS.load(Ordering::SeqCst) == 2);
    let refusal = event("Decision", "Refused", 300);
    let append = |class| sink.append(class, &refusal).unwrap();
    assert_eq!(append(LineClass::Refusal), Appended::Written);
    assert_eq!(append(LineClass::Permit), Appended::Written);
    assert_eq!(append(LineClass::Refusal), Appended::Counted, "without another look at the file system");
    assert_eq!(append(LineClass::Permit), Appended::Written);
    assert_eq!((sink.status().shortage, sink.status().left_out), (Some(Shortage::Space), 1));
    FREE.store(50_000, Ordering::SeqCst);
    MOMENT.store(2, Ordering::SeqCst);
    wait_for("there is room again", || append(LineClass::Refusal) == Appended::Written);
    let text = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert!(text.contains("are kept for calls that are permitted"), "{text}");
}

static WALL: AtomicI64 = AtomicI64::new(0);
static RAN: AtomicI64 = AtomicI64::new(0);

/// Only time that has passed makes files old; a clock that was set does not.
#[test]
fn a_clock_that_was_set_rotates_and_removes_nothing() {
    let clocks = Clocks {
        now: || now() + jiff::SignedDuration::from_secs(WALL.load(Ordering::SeqCst)),
        elapsed: || Duration::from_secs(RAN.load(Ordering::SeqCst).unsigned_abs()),
    };
    let pass = |seconds| {
        WALL.fetch_add(seconds, Ordering::SeqCst);
        RAN.fetch_add(seconds, Ordering::SeqCst);
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let checkpoints = hourly_checkpoints();
    let (every, keep) = (Some(Duration::from_secs(3600)), Some(Duration::from_secs(30 * 86_400)));
    let rotation = Rotation { every, keep, ..Rotation::default() };
    let settings = FileSettings { rotation, checkpoints: Some(checkpoints), ..FileSettings::new(&path, clocks) };
    let sink = FileSink::open(settings).unwrap();
    permit(&sink).unwrap();
    pass(3601);
    let rotated = folder.path().join("audit.000000000001-000000000001.jsonl");
    wait_for("an hour makes a file old", || rotated.exists());
    permit(&sink).unwrap();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = files();
    for year in [1, -2, 100] {
        // The rotated file is years old by the file system's clock, or dates from the future.
        WALL.fetch_add(year * 365 * 86_400, Ordering::SeqCst);
        pass(61);
        let is_noted = || std::fs::read_to_string(&path).unwrap().contains("the system clock was set");
        wait_for("a notice about the clock", is_noted);
        thread::sleep(Duration::from_millis(1500));
        assert!(rotated.exists(), "{year}");
        assert_eq!(files(), before, "{year}");
    }
}
