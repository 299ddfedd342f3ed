//! Calls per second through the real gateway, and their latency, for each value of `sync` in `[audit]`.
//!
//! `cargo bench --bench audit_sync`. `RAMGATE_BENCH_SECONDS` (5) is the length of each run. `RAMGATE_BENCH_BINARY`
//! selects another gateway binary, and `RAMGATE_BENCH_FOLDER` the folder of the logs, and so the disk that is measured.

#[path = "../tests/support/mod.rs"]
mod support;
#[path = "upstream/mod.rs"]
mod upstream;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use support::wire::{connect, read_answer};
use support::{Caller, Server, Shape};

const CALLERS: usize = 64;

fn main() {
    let seconds = variable("RAMGATE_BENCH_SECONDS").and_then(|text| text.parse().ok()).unwrap_or(5);
    let upstream = upstream::start();
    println!(
        "{CALLERS} callers, {seconds} s each\n{:8} {:>9} {:>9} {:>9} {:>9}",
        "sync", "calls/s", "p50 ms", "p99 ms", "max ms"
    );
    // Each twice, so that disturbances by other work on the machine are visible.
    for sync in ["always", "group", "none", "always", "group", "none"] {
        let folder = variable("RAMGATE_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = tempfile::tempdir_in(folder).expect("a folder");
        support::house::furnish(folder.path(), &format!("http://{upstream}"), &format!("[audit]\nsync = \"{sync}\""));
        let mut command = support::program(folder.path(), &["serve", "--config", "ramgate.toml"]);
        if let Some(binary) = variable("RAMGATE_BENCH_BINARY") {
            command = std::process::Command::new(binary);
            command.args(["serve", "--config", "ramgate.toml"]).current_dir(folder.path());
        }
        let server = Server::start(&mut command, "attempts are written to");
        let mut took = load(support::house::address(&server), Duration::from_secs(seconds));
        took.sort_unstable();
        let at = |share: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let index = ((took.len() - 1) as f64 * share) as usize;
            took[index].as_secs_f64() * 1000.0
        };
        let rate = took.len() as u64 / seconds;
        println!("{sync:8} {rate:>9} {:>9.2} {:>9.2} {:>9.2}", at(0.5), at(0.99), at(1.0));
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The latency of each call. Callers send the next call as soon as they have an answer.
fn load(address: SocketAddr, length: Duration) -> Vec<Duration> {
    let end = Instant::now() + length;
    let caller = || {
        let carol = Caller::new("LTAI5tCarol000000000", support::house::SECRET);
        let parameters =
            [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", support::ENI), ("InstanceId", support::INSTANCE)];
        let (mut stream, mut took) = (connect(address), Vec::new());
        while Instant::now() < end {
            let request = carol.request(Shape::V1Get, &parameters);
            let sent = Instant::now();
            stream.write_all(&request).expect("the gateway listens");
            let answer = read_answer(&mut stream).expect("the gateway answers");
            assert_eq!(answer.status, 200, "{answer:?}");
            took.push(sent.elapsed());
        }
        took
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect()
    })
}
