//! Rotation, forgetting and failures, by clocks that a test moves.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::audit::{Appended, Clocks, FileSettings, LineClass, Sink};
use crate::ram::Principal;

thread_local! {
    static WALL: Cell<i64> = const { Cell::new(0) };
    static STEADY: Cell<u64> = const { Cell::new(0) };
}

const START: i64 = 1_700_000_000;

fn now() -> Timestamp {
    // Other threads see a clock that stands still.
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
    nonces: FileNonces,
}

impl Bench {
    fn open(folder: &Path) -> Self {
        let log =
            FileSink::open(FileSettings::new(folder.join("audit.jsonl"), Clocks { now, elapsed: steady })).unwrap();
        let gateway = json!({
            "stage": "Summary", "verdict": "Error", "signature": { "scheme": "none" }, "chain": log.identity().chain,
        });
        let line = json!({ "eventTime": now().to_string(), "additionalEventData": { "gateway": gateway } });
        let appended = log.append(LineClass::Notice, &line.to_string()).unwrap();
        assert_eq!(appended, Appended::Written);
        let limits = NonceLimits { span: Duration::from_secs(31 * 60), capacity: 1000, share: 1.0 };
        let path = folder.join("audit.nonces");
        let settings = NonceFileSettings { path, limits, modes: FileModes::Checked, best_effort: false, now, steady };
        let nonces = FileNonces::open(&settings, &log).unwrap();
        Self { log, nonces }
    }

    fn accept(&self, key: &str, nonce: &str, second: i64) -> Result<(), NonceFault> {
        let alice = Principal::new("1234567890123456".parse().unwrap(), "user/alice".parse().unwrap());
        let signed_at = Timestamp::from_second(START + second).unwrap();
        let accepted =
            self.nonces.remember(SignedNonce { holder: &alice, access_key_id: key, nonce, signed_at }, now());
        self.nonces.write(self.log.last_line()).unwrap();
        accepted
    }

    fn close(self) {
        self.nonces.close(self.log.last_line());
    }
}

fn count(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("audit.nonces.")).count()
}

#[test]
fn files_are_begun_and_removed_and_what_they_held_is_refused_by_its_date() {
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
    assert_eq!(bench.accept("a", "n119", 119 * 60), Err(NonceFault::Used));
    assert_eq!(bench.accept("a", "n1", 60), Err(NonceFault::Forgotten));
    assert_eq!(bench.accept("a", "another", 60), Err(NonceFault::Forgotten));
    assert_eq!(bench.accept("b", "another", 60), Ok(()), "of that key nothing was forgotten");
    // Restarted again and again, it does not grow.
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
fn a_file_that_fails_is_replaced_and_the_next_process_trusts_no_call_of_that_time() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    assert_eq!(bench.accept("a", "1", 0), Ok(()));
    pass(10);
    bench.nonces.shared.writer().give_up(START + WALL.get());
    assert_eq!(bench.accept("a", "2", 10), Ok(()));
    assert_eq!(bench.accept("a", "1", 0), Err(NonceFault::Used), "this process knows all");
    assert_eq!(bench.accept("a", "3", 9), Ok(()));
    bench.close();
    pass(10);
    let bench = Bench::open(folder.path());
    assert_eq!(bench.accept("a", "2", 10), Err(NonceFault::Used));
    assert_eq!(bench.accept("a", "4", 9), Err(NonceFault::Forgotten));
    assert_eq!(bench.accept("a", "4", 11), Ok(()));
}

#[test]
fn a_machine_that_stopped_leaves_a_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path());
    assert_eq!(bench.accept("a", "1", 900), Ok(()));
    drop(bench);
    // As if by another run of the machine.
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
    // To open the store would be to wait for the next second of a clock that stands still.
    let log =
        FileSink::open(FileSettings::new(folder.path().join("audit.jsonl"), Clocks { now, elapsed: steady })).unwrap();
    let mut table = NonceTable::new(NonceLimits { span: Duration::from_secs(1860), capacity: 10, share: 1.0 });
    let names = Names::new(path.clone());
    let (head, _) = Head::open(&names, FileModes::Checked).unwrap();
    let reading = Reading {
        names: &names,
        key: &head.key,
        modes: FileModes::Checked,
        log: &log,
        now: now(),
        steady: steady(),
        span: Duration::from_secs(1860),
    };
    let past = reading.read(&mut table).unwrap();
    assert_eq!(past.doubt, Some(past::Doubt::MachineStopped));
    assert_eq!(past.ahead.len(), 1, "a call that is dated ahead is kept");
    assert_eq!(floor(&past, &path, now(), Duration::from_secs(1860)), Some(now().as_second()));
    pass(3600);
    assert!(floor(&past, &path, now(), Duration::from_secs(1860)) < Some(now().as_second() - 1800), "long ago");
}
