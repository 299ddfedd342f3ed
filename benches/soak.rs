//! The real gateway under long load: its memory, ordinary calls beside hung ones, and a disk whose syncs are slow.
//!
//! `cargo bench --bench soak -- saturation|hung|disk`. `RAMGATE_SOAK_SECONDS` is the length of the run.
//! `RAMGATE_BENCH_BINARY` selects another gateway binary. `RAMGATE_SLOW_SYNC` is the library that delays each sync of a
//! disk (`.ci/long/soak` builds it). Prints figures, and exits with status 1 if a limit is exceeded.

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "upstream/mod.rs"]
mod upstream;

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::wire::{connect, read_answer};
use support::{Caller, Server, Shape};

const CALLERS: usize = 64;
const PRINCIPALS: usize = 16;
const HUNG: usize = 300;
/// The permitted growth of memory in bytes while the gateway is saturated: after the first fifth of the run, and
/// without nonces.
const GROWTH: i64 = 16 << 20;
/// An upper bound for the bytes of a nonce in memory, with its share of a table that has just doubled.
const NONCE: i64 = 160;

fn main() -> ExitCode {
    let mode = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let seconds = variable("RAMGATE_SOAK_SECONDS").and_then(|text| text.parse().ok()).unwrap_or(30);
    let length = Duration::from_secs(seconds);
    let holds = match mode.as_str() {
        "saturation" => saturation(length),
        "hung" => hung(length),
        "disk" => disk(length),
        _ => {
            println!("give `saturation`, `hung` or `disk`");
            return ExitCode::SUCCESS;
        }
    };
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Callers send the next call as soon as they have an answer. A tenth of the calls is denied, and a tenth is forged.
fn saturation(length: Duration) -> bool {
    let place = Place::new("[audit]\nsync = \"group\"\n[identity]\nnonce_capacity = 33554432\n");
    let server = place.serve(&[]);
    let (address, admin) = (support::house::address(&server), server.address_after("health and metrics at http://"));
    let load = Load::start(address, length);
    let (begun, mut samples) = (Instant::now(), Vec::new());
    println!("{:>7} {:>9} {:>9} {:>10} {:>9}", "seconds", "calls/s", "RSS MiB", "nonces", "log MiB");
    let mut before = 0;
    while begun.elapsed() < length {
        let step = (length / 40).max(Duration::from_secs(1));
        thread::sleep(step);
        let done = load.done.load(Ordering::Relaxed);
        let sample = Sample {
            at: begun.elapsed(),
            resident: resident(server.id()),
            nonces: metric(admin, "ramgate_nonces_held"),
        };
        println!(
            "{:>7} {:>9.0} {:>9.1} {:>10} {:>9.1}",
            sample.at.as_secs(),
            (done - before) as f64 / step.as_secs_f64(),
            mebibytes(sample.resident),
            sample.nonces,
            mebibytes(size_of(&place.folder.path().join("audit.jsonl"))),
        );
        before = done;
        samples.push(sample);
    }
    let (took, wrong) = load.end();
    report("all callers", &took);
    let settled = samples.iter().find(|sample| sample.at > length / 5).expect("a sample");
    let last = samples.last().expect("a sample");
    let grown = last.resident - settled.resident;
    let allowed = GROWTH + (last.nonces - settled.nonces).max(0) * NONCE;
    println!(
        "grown by {:.1} MiB since second {}; {:.1} MiB are allowed",
        mebibytes(grown),
        settled.at.as_secs(),
        mebibytes(allowed)
    );
    println!("answers that were not as expected: {wrong}");
    grown <= allowed && wrong == 0
}

/// Calls that hang at the upstream, beside calls that do not.
fn hung(length: Duration) -> bool {
    let place = Place::new("timeout = \"50s\"\n[audit]\nsync = \"group\"\n");
    let server = place.serve(&[]);
    let address = support::house::address(&server);
    let alone = Load::start(address, length / 2).end();
    let hanging: Vec<_> = (0..HUNG)
        .map(|number| {
            let caller = principal(number % PRINCIPALS);
            let eni = format!("{}{number:06}", upstream::HANGING);
            let mut stream = connect(address);
            let request = caller.request(Shape::V1Get, &attach(&eni, "i-own1"));
            stream.write_all(&request).expect("the gateway listens");
            stream
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    let beside = Load::start(address, length / 2).end();
    let waiting = hanging.iter().filter(|stream| !is_answered(stream)).count();
    println!("{waiting} of {HUNG} calls hung at the upstream during the whole run");
    let (before, during) = (report("alone", &alone.0), report("beside hung calls", &beside.0));
    println!("answers that were not as expected: {} and {}", alone.1, beside.1);
    waiting == HUNG && alone.1 + beside.1 == 0 && during <= before * 2 + Duration::from_millis(250)
}

/// Every sync of the disk takes half a second. Every answer must be as expected, and no call may wait too long.
fn disk(length: Duration) -> bool {
    let Some(library) = variable("RAMGATE_SLOW_SYNC") else {
        println!("left out: `RAMGATE_SLOW_SYNC` is not set");
        return true;
    };
    let mut holds = true;
    for sync in ["always", "group", "none"] {
        let place = Place::new(&format!("[audit]\nsync = \"{sync}\"\n"));
        let server = place.serve(&[("LD_PRELOAD", &library), ("SLOW_SYNC_MS", "500")]);
        let (took, wrong) = Load::start(support::house::address(&server), length / 3).end();
        let slowest = report(sync, &took);
        println!("answers that were not as expected: {wrong}");
        holds &= wrong == 0 && slowest < Duration::from_secs(30);
    }
    holds
}

/// The folder that the gateway runs in.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        support::house::furnish(folder.path(), &format!("http://{}", upstream::start()), more);
        let path = folder.path();
        let (mut account, mut keys) = ("account = \"1234567890123456\"\n".to_owned(), String::new());
        for number in 0..PRINCIPALS {
            account += &format!("[users.u{number}]\npolicies = [\"own\"]\n");
            keys += &format!(
                "[[access_key]]\nid = \"LTAI5tSoak{number:010}\"\nsecret_file = \"secret\"\nprincipal = \"user/u{number}\"\n"
            );
        }
        let own = "{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ecs:AttachNetworkInterface\",\
                   \"Resource\":[\"acs:ecs:*:*:eni/*\",\"acs:ecs:*:*:instance/i-own*\"]}]}";
        fs::remove_file(path.join("policies/all.json")).expect("a document");
        write(path, "policies/account.toml", &account);
        write(path, "policies/own.json", own);
        write(path, "keyring.toml", &keys);
        let config = fs::read_to_string(path.join("ramgate.toml")).expect("a configuration");
        let head = "[admin]\nlisten = \"127.0.0.1:0\"\n";
        write(path, "ramgate.toml", &format!("{config}{head}"));
        Self { folder }
    }

    fn serve(&self, environment: &[(&str, &str)]) -> Server {
        let path = self.folder.path();
        let mut command = support::program(path, &["serve", "--config", "ramgate.toml"]);
        if let Some(binary) = variable("RAMGATE_BENCH_BINARY") {
            command = Command::new(binary);
            command.args(["serve", "--config", "ramgate.toml"]).current_dir(path);
        }
        command.envs(environment.iter().copied()).env("RAMGATE_LOG", "error");
        Server::start(&mut command, "attempts are written to")
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
    support::program::close_to_others(&folder.join(name));
}

struct Sample {
    at: Duration,
    resident: i64,
    nonces: i64,
}

/// Running callers.
struct Load {
    done: Arc<AtomicU64>,
    callers: Vec<thread::JoinHandle<(Vec<Duration>, u64)>>,
}

impl Load {
    fn start(address: SocketAddr, length: Duration) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let end = Instant::now() + length;
        let start = |number: usize| {
            let done = Arc::clone(&done);
            thread::spawn(move || call_until(address, number, end, &done))
        };
        let callers = (0..CALLERS).map(start).collect();
        Self { done, callers }
    }

    /// The latencies of permitted calls, sorted, and the number of unexpected answers.
    fn end(self) -> (Vec<Duration>, u64) {
        let (mut all, mut wrong) = (Vec::new(), 0);
        for caller in self.callers {
            let (took, unexpected) = caller.join().expect("a caller");
            all.extend(took);
            wrong += unexpected;
        }
        all.sort_unstable();
        (all, wrong)
    }
}

fn principal(number: usize) -> Caller {
    Caller::new(&format!("LTAI5tSoak{number:010}"), support::house::SECRET)
}

fn attach<'a>(eni: &'a str, instance: &'a str) -> [(&'a str, &'a str); 3] {
    [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", eni), ("InstanceId", instance)]
}

fn call_until(address: SocketAddr, number: usize, end: Instant, done: &AtomicU64) -> (Vec<Duration>, u64) {
    let (caller, forger) =
        (principal(number % PRINCIPALS), Caller::new(&format!("LTAI5tSoak{:010}", number % PRINCIPALS), "x"));
    let (mut stream, mut took, mut wrong, mut count) = (connect(address), Vec::new(), 0, 0_u64);
    while Instant::now() < end {
        count += 1;
        let eni = format!("eni-soak{number:03}{:06}", count % 1_000_000);
        let (caller, instance, expected) = match count % 10 {
            0 => (&caller, "i-others", 403),
            1 => (&forger, "i-own1", 400),
            _ => (&caller, "i-own1", 200),
        };
        let request = caller.request(Shape::V1Get, &attach(&eni, instance));
        let sent = Instant::now();
        let answer = stream.write_all(&request).ok().and_then(|()| read_answer(&mut stream));
        let Some(answer) = answer else {
            // The gateway may close a connection between calls.
            stream = connect(address);
            continue;
        };
        wrong += u64::from(answer.status != expected);
        if expected == 200 {
            took.push(sent.elapsed());
        }
        done.fetch_add(1, Ordering::Relaxed);
        if answer.closed {
            stream = connect(address);
        }
    }
    (took, wrong)
}

/// Prints the distribution of latencies, and returns the 99th percentile.
fn report(what: &str, took: &[Duration]) -> Duration {
    let at = |share: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let index = (took.len().saturating_sub(1) as f64 * share) as usize;
        took.get(index).copied().unwrap_or_default()
    };
    println!(
        "{what}: {} permitted calls; p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, slowest {:.2?}",
        took.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    at(0.99)
}

fn is_answered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The resident memory of a process, in bytes.
fn resident(process: u32) -> i64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size");
    line.trim().trim_end_matches(" kB").parse::<i64>().expect("a number") << 10
}

fn size_of(path: &Path) -> i64 {
    fs::metadata(path).map_or(0, |metadata| i64::try_from(metadata.len()).unwrap_or(i64::MAX))
}

#[expect(clippy::cast_precision_loss)]
fn mebibytes(bytes: i64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn metric(admin: SocketAddr, name: &str) -> i64 {
    let page = support::house::get(admin, "/metrics").body;
    let line = page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.trim().parse().unwrap_or(0)
}
