//! The cost of the nonce store: time for each call, memory and disk for each nonce, and time of a start after 200,000
//! calls a minute.
//!
//! `cargo bench --bench nonces`. `RAMGATE_BENCH_MINUTES` (31) is the number of minutes with so many calls.
//! `RAMGATE_BENCH_FOLDER` selects the folder of the files, and so the disk that is measured.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a measurement")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use ram_policy::Principal;
use ramgate::audit::{Clocks, FileSettings, FileSink, Stamping, WriteAhead};
use ramgate::identity::{InMemoryNonces, NonceLimits, NonceMemory, SignedNonce};
use ramgate::store::{FileModes, FileNonces, NonceFileSettings};

const A_MINUTE: u64 = 200_000;

fn now() -> Timestamp {
    Timestamp::now()
}

fn steady() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

fn main() {
    let minutes = std::env::var("RAMGATE_BENCH_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(31);
    let folder = std::env::var("RAMGATE_BENCH_FOLDER").map_or_else(|_| std::env::temp_dir(), Into::into);
    let folder = tempfile::tempdir_in(folder).unwrap();
    let limits = NonceLimits { span: Duration::from_secs(31 * 60), capacity: 8_388_608, share: 1.0 };
    let before = resident();
    let memory = InMemoryNonces::new(limits, steady);
    fill("memory", minutes, &memory, || {});
    let held = memory.held();
    println!("memory: {held} nonces, {:.1} B each resident", (resident() - before) as f64 / held as f64);
    drop(memory);

    let log =
        FileSink::open(FileSettings::new(folder.path().join("audit.jsonl"), Clocks { now, elapsed: steady })).unwrap();
    let path = folder.path().join("audit.nonces");
    let settings = NonceFileSettings { path, limits, modes: FileModes::Checked, best_effort: false, now, steady };
    // Each nonce is written separately, as for sequential calls.
    let files = FileNonces::open(&settings, &log).unwrap();
    fill("file, a write for each call", minutes, &files, || files.write(0, Stamping::WithPending).unwrap());
    files.close(0);
    drop(files);
    let bytes = size(folder.path());
    println!("file: {:.1} B a nonce on disk, {} MiB in all", bytes as f64 / held as f64, bytes >> 20);
    let started = Instant::now();
    let files = FileNonces::open(&settings, &log).unwrap();
    println!("start: {} nonces read in {:.2} s", files.held(), started.elapsed().as_secs_f64());
}

fn fill(name: &str, minutes: u64, memory: &dyn NonceMemory, mut written: impl FnMut()) {
    let holder = Principal::new("1234567890123456".parse().unwrap(), "role/terway".parse().unwrap());
    let keys: Vec<String> = (0..200).map(|cluster| format!("STS.NUcluster{cluster:08}")).collect();
    let now = Timestamp::now();
    let (started, mut longest) = (Instant::now(), Duration::ZERO);
    for call in 0..minutes * A_MINUTE {
        let signed_at = now - SignedDuration::from_secs(15 * 60 - (call / (A_MINUTE / 2)).min(1700).cast_signed() * 15);
        let nonce = format!("edb2b34af0af9a6d14deaf7c{call:08x}");
        let began = Instant::now();
        let access_key_id = &keys[(call % 200) as usize];
        memory.remember(SignedNonce { holder: &holder, access_key_id, nonce: &nonce, signed_at }, now).unwrap();
        written();
        longest = longest.max(began.elapsed());
    }
    let calls = minutes * A_MINUTE;
    let each = started.elapsed().as_nanos() as f64 / calls as f64;
    println!("{name}: {each:.0} ns a call over {calls} calls, the longest {:.2} ms", longest.as_secs_f64() * 1e3);
}

/// The resident memory of the process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn size(folder: &Path) -> u64 {
    let nonces = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    nonces
        .filter(|entry| entry.file_name().to_string_lossy().contains("nonces"))
        .map(|it| it.metadata().unwrap().len())
        .sum()
}
