//! Tests of rotation, forgetting and failures, with clocks that the test controls.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::audit::{Appended, Clocks, FileSettings, LineClass, Rotation, Sink, Stamping};
use ram_policy::Principal;

thread_local! {
    static WALL: Cell<i64> = const { Cell::new(0) };
    static STEADY: Cell<u64> = const { Cell::new(0) };
}

const START: i64 = 1_700_000_000;

fn now() -> Timestamp {
    // The clocks are thread-local, so other threads see a clock that never advances.
    Timestamp::from_second(START + WALL.get()).unwrap()
}

fn steady() -> Duration {
    Duration::from_secs(STEADY.get())
}

fn pass(seconds: u32) {
    WALL.set(WALL.get() + i64::from(seconds));
    STEADY.set(STEADY.get() + u64::from(seconds));
}

struct Bench {
    log: FileSink,
    nonces: Arc<FileNonces>,
}

impl Bench {
    fn open(folder: &Path) -> Self {
        Self::with(folder, settings(folder))
    }

    fn with(folder: &Path, log: FileSettings) -> Self {
        let log = FileSink::open(log).unwrap();
        append(&log, LineClass::Notice, ("Summary", "Error", "none"), 0);
        Self::beside(folder, log)
    }

    fn beside(folder: &Path, log: FileSink) -> Self {
        let limits = NonceLimits { span: Duration::from_secs(31 * 60), capacity: 1000, share: 1.0 };
        let path = folder.join("audit.nonces");
        let settings = NonceFileSettings { path, limits, modes: FileModes::Checked, best_effort: false, now, steady };
        let nonces = Arc::new(FileNonces::open(&settings, &log).unwrap());
        log.write_ahead(Arc::<FileNonces>::clone(&nonces));
        Self { log, nonces }
    }

    fn accept(&self, key: &str, nonce: &str, second: i64) -> Result<(), NonceError> {
        let accepted = self.remember(key, nonce, second);
        self.nonces.write(self.log.last_line(), Stamping::WithPending).unwrap();
        accepted
    }

    /// The first step of accepting a call: its nonce is used, and becomes pending.
    fn remember(&self, key: &str, nonce: &str, second: i64) -> Result<(), NonceError> {
        let alice = Principal::new("1234567890123456".parse().unwrap(), "user/alice".parse().unwrap());
        let signed_at = Timestamp::from_second(START + second).unwrap();
        self.nonces.remember(SignedNonce { holder: &alice, access_key_id: key, nonce, signed_at }, now())
    }

    /// The second step: the line that permits the call, in a separate batch.
    fn permit(&self) {
        append(&self.log, LineClass::Permit, ("Decision", "Allow", "V3"), 0);
    }

    /// The outcome of a call, in a line with this many bytes of padding.
    fn outcome(&self, padding: usize) {
        append(&self.log, LineClass::Outcome, ("Outcome", "Allow", "V3"), padding);
    }

    fn refuse(&self, padding: usize) {
        append(&self.log, LineClass::Refusal, ("Decision", "Refused", "none"), padding);
    }

    fn close(self) {
        self.nonces.close(self.log.last_line());
    }
}

fn settings(folder: &Path) -> FileSettings {
    FileSettings::new(folder.join("audit.jsonl"), Clocks { now, elapsed: steady })
}

fn append(log: &FileSink, class: LineClass, (stage, verdict, scheme): (&str, &str, &str), padding: usize) {
    let gateway = json!({
        "stage": stage, "verdict": verdict, "signature": { "scheme": scheme }, "chain": log.identity().chain,
        "padding": "x".repeat(padding),
    });
    let line = json!({ "eventTime": now().to_string(), "additionalEventData": { "gateway": gateway } });
    assert_eq!(log.append(class, &line.to_string()).unwrap(), Appended::Written);
}

/// The gap that the next process finds after a kill.
fn gap(folder: &Path) -> Option<history::HistoryGap> {
    gap_beside(folder, &FileSink::open(settings(folder)).unwrap())
}

fn gap_beside(folder: &Path, log: &FileSink) -> Option<history::HistoryGap> {
    let names = Names::new(folder.join("audit.nonces"));
    let (head, _) = Head::open(&names, FileModes::Checked).unwrap();
    let span = Duration::from_secs(1860);
    let (key, modes) = (&head.key, FileModes::Checked);
    let reading = HistoryReader { names: &names, key, modes, log, now: now(), steady: steady(), span };
    reading.read(&mut NonceTable::new(NonceLimits { span, capacity: 1000, share: 1.0 })).unwrap().gap
}

/// Truncates a nonce file by this many bytes.
fn cut(folder: &Path, number: u64, bytes: u64) {
    let path = Names::new(folder.join("audit.nonces")).file(number);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

fn count(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("audit.nonces.")).count()
}

#[test]
fn rotation_removes_old_files_and_calls_of_their_time_are_refused_by_date() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    for minutes in 0..120 {
        assert_eq!(bench.accept("a", &format!("n{minutes}"), WALL.get()), Ok(()));
        bench.nonces.shared.tick();
        pass(60);
    }
    let files = count(folder.path());
    assert!((8..=12).contains(&files), "{files} files");
    assert!((31..=36).contains(&bench.nonces.held()), "{}", bench.nonces.held());
    bench.close();
    let bench = Bench::open(folder.path());
    assert!((31..=36).contains(&bench.nonces.held()), "{}", bench.nonces.held());
    assert_eq!(bench.accept("a", "n119", 119 * 60), Err(NonceError::Used));
    assert_eq!(bench.accept("a", "n1", 60), Err(NonceError::Forgotten));
    assert_eq!(bench.accept("a", "another", 60), Err(NonceError::Forgotten));
    assert_eq!(bench.accept("b", "another", 60), Ok(()), "no nonce of this key was forgotten");
    // Repeated restarts do not add files without limit.
    bench.close();
    for restart in 0..20 {
        pass(25 * 60);
        let bench = Bench::open(folder.path());
        assert_eq!(bench.accept("a", &format!("restart {restart}"), WALL.get()), Ok(()));
        bench.close();
    }
    assert!(count(folder.path()) <= 6, "{}", count(folder.path()));
}

#[test]
fn a_failed_file_is_replaced_and_the_next_process_refuses_calls_of_that_time() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    assert_eq!(bench.accept("a", "1", 0), Ok(()));
    pass(10);
    bench.nonces.shared.writer().mark_broken(START + WALL.get());
    assert_eq!(bench.accept("a", "2", 10), Ok(()));
    assert_eq!(bench.accept("a", "1", 0), Err(NonceError::Used), "this process still has every nonce in memory");
    assert_eq!(bench.accept("a", "3", 9), Ok(()));
    bench.close();
    pass(10);
    let bench = Bench::open(folder.path());
    assert_eq!(bench.accept("a", "2", 10), Err(NonceError::Used));
    assert_eq!(bench.accept("a", "4", 9), Err(NonceError::Forgotten));
    assert_eq!(bench.accept("a", "4", 11), Ok(()));
}

#[test]
fn a_machine_that_stopped_leaves_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    assert_eq!(bench.accept("a", "1", 900), Ok(()));
    drop(bench);
    // Rewrite the first frame with another boot id.
    let path = folder.path().join("audit.nonces");
    let (head, _) = Head::open(&Names::new(path.clone()), FileModes::Checked).unwrap();
    let mut bytes = fs::read(folder.path().join("audit.nonces.00000001")).unwrap();
    let frame = frame::take(&head.key, 1, &mut &bytes[..]).unwrap();
    let (mut snapshot, stamp) = (frame::Snapshot::read(frame.body).unwrap(), frame.stamp);
    let length = 32 + frame.body.len();
    snapshot.boot = [1; 16];
    let mut changed = Vec::new();
    frame::put(&head.key, 1, frame::Kind::Snapshot, stamp, &snapshot.to_body(), &mut changed);
    changed.extend(bytes.drain(length..));
    fs::write(folder.path().join("audit.nonces.00000001"), changed).unwrap();
    drop(head);
    WALL.set(WALL.get() + 1);
    // Opening the store would wait forever for the next second of a clock that does not advance.
    let log =
        FileSink::open(FileSettings::new(folder.path().join("audit.jsonl"), Clocks { now, elapsed: steady })).unwrap();
    let mut table = NonceTable::new(NonceLimits { span: Duration::from_secs(1860), capacity: 10, share: 1.0 });
    let names = Names::new(path.clone());
    let (head, _) = Head::open(&names, FileModes::Checked).unwrap();
    let reading = HistoryReader {
        names: &names,
        key: &head.key,
        modes: FileModes::Checked,
        log: &log,
        now: now(),
        steady: steady(),
        span: Duration::from_secs(1860),
    };
    let past = reading.read(&mut table).unwrap();
    assert_eq!(past.gap, Some(history::HistoryGap::MachineStopped));
    assert_eq!(past.ahead.len(), 1, "a call dated in the future is kept");
    assert_eq!(floor(&past, &path, now(), Duration::from_secs(1860)), Some(now().as_second()));
    pass(3600);
    let floor = floor(&past, &path, now(), Duration::from_secs(1860));
    assert!(floor < Some(now().as_second() - 1800), "the floor is at the time of the earlier process");
}

#[test]
fn a_nonce_written_with_another_calls_batch_leaves_no_gap_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    for round in 0..3 {
        // The second call's line is written first, and both nonces with it.
        assert_eq!(bench.remember("a", &format!("first {round}"), 0), Ok(()));
        assert_eq!(bench.remember("a", &format!("second {round}"), 0), Ok(()));
        bench.permit();
        bench.permit();
    }
    drop(bench);
    assert_eq!(gap(folder.path()), None);
    cut(folder.path(), 1, 1);
    assert_eq!(gap(folder.path()), Some(history::HistoryGap::Behind));
}

#[test]
fn a_process_that_ended_before_the_first_line_of_the_log_leaves_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::beside(folder.path(), FileSink::open(settings(folder.path())).unwrap());
    assert_eq!(bench.remember("a", "1", 0), Ok(()));
    bench.nonces.shared.tick();
    drop(bench);
    assert_eq!(gap(folder.path()), None);
    let bench = Bench::beside(folder.path(), FileSink::open(settings(folder.path())).unwrap());
    assert_eq!(bench.remember("a", "1", 0), Err(NonceError::Used));
    bench.permit();
    drop(bench);
    // A log that had lines and was removed is a gap.
    fs::remove_file(folder.path().join("audit.jsonl")).unwrap();
    assert_eq!(gap(folder.path()), Some(history::HistoryGap::OtherLog));
}

#[test]
fn any_number_of_lines_without_a_nonce_leaves_no_gap_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    assert_eq!(bench.remember("a", "1", 0), Ok(()));
    bench.permit();
    for _ in 0..70 {
        bench.refuse(100_000);
    }
    drop(bench);
    assert_eq!(gap(folder.path()), None);
}

#[test]
fn a_rotated_audit_log_leaves_no_gap_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { size: Some(10_000), ..Rotation::default() };
    let bench = Bench::with(folder.path(), FileSettings { rotation, ..settings(folder.path()) });
    assert_eq!(bench.remember("a", "1", 0), Ok(()));
    bench.permit();
    bench.outcome(20_000);
    // The log's own thread rotates the file.
    let log = folder.path().join("audit.jsonl");
    while fs::metadata(&log).is_ok_and(|file| file.len() > 0) {
        thread::sleep(Duration::from_millis(5));
    }
    drop(bench);
    assert_eq!(gap(folder.path()), None);
    // The same if the next process rotates the log before it reads the nonces.
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    assert_eq!(bench.remember("a", "1", 0), Ok(()));
    bench.permit();
    bench.outcome(20_000);
    drop(bench);
    let rotation = Rotation { size: Some(10_000), ..Rotation::default() };
    let log = FileSink::open(FileSettings { rotation, ..settings(folder.path()) }).unwrap();
    let path = folder.path().join("audit.jsonl");
    while fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(gap_beside(folder.path(), &log), None);
}

#[test]
fn calls_during_a_rotation_of_nonce_files_leave_no_gap_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    let shared = &bench.nonces.shared;
    let state = shared.state();
    let (number, snapshot) = shared.writer().next(&state).unwrap();
    let stamp = shared.stamp(shared.writer().line());
    let next = writer::CurrentFile::create(&shared.names, &shared.key, number, &snapshot, stamp, state.steady).unwrap();
    assert_eq!(bench.remember("a", "1", 0), Ok(()));
    bench.permit();
    let line = shared.writer().line();
    shared.writer().switch_to(next, snapshot.first, shared.stamp(line)).unwrap();
    drop(bench);
    assert_eq!(gap(folder.path()), None);
    // A call in the new file, whose frame is then truncated.
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    bench.nonces.shared.rotate().unwrap();
    assert_eq!(bench.remember("a", "1", 0), Ok(()));
    bench.permit();
    drop(bench);
    assert_eq!(gap(folder.path()), None);
    cut(folder.path(), 2, 1);
    assert_eq!(gap(folder.path()), Some(history::HistoryGap::Behind));
}
