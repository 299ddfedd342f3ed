//! Measures the engine on workloads that other policy engines can run too: `peer_bench WORKLOAD SECONDS`.
//!
//! Prints one line of JSON. A measured decision is a whole call: from strings to a verdict on both resources.

mod engine;
mod measure;
mod work;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use engine::Engine;
use measure::{allocations, cpu, live_bytes};
use work::Workload;

const PASSES: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [workload, seconds] => match run(workload, seconds) {
            Ok(line) => {
                println!("{line}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        },
        _ => {
            eprintln!("usage: peer_bench WORKLOAD SECONDS");
            ExitCode::from(2)
        }
    }
}

fn run(name: &str, seconds: &str) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let each = pass_length(seconds).ok_or_else(|| {
        format!(
            "`{seconds}` is not a valid number of seconds: give the time of all passes, from 0.01 to 3600, such as 5"
        )
    })?;
    let workload = Workload::named(name)?;

    // The vendor's facts are compiled in, so they are loaded before the policies are measured.
    ramgate::catalog::Catalog::bundled();
    let (heap, start) = (live_bytes(), cpu());
    let engine = Engine::load(&workload.users);
    let load = cpu() - start;
    let heap = live_bytes().saturating_sub(heap);

    let requests = &workload.requests;
    let agree = requests.iter().filter(|request| engine.decide(request) == request.allow).count();
    let passes = passes(&engine, requests, each);
    Ok(serde_json::json!({
        "engine": "ramgate",
        "workload": name,
        "docs": workload.documents,
        "stmts": workload.statements,
        "ns": passes.nanoseconds[PASSES / 2],
        "ns_min": passes.nanoseconds[0],
        "ns_max": passes.nanoseconds[PASSES - 1],
        "allocs": passes.allocations,
        "load_ms": load.as_secs_f64() * 1e3,
        "heap_mib": heap as f64 / MIB,
        "agree": format!("{agree}/{}", requests.len()),
    }))
}

fn pass_length(seconds: &str) -> Option<Duration> {
    let seconds: f64 = seconds.parse().ok()?;
    (0.01..=3600.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds / PASSES as f64))
}

struct Passes {
    /// CPU time of a decision in each pass, sorted.
    nanoseconds: [f64; PASSES],
    /// Allocations for each decision.
    allocations: f64,
}

fn passes(engine: &Engine, requests: &[work::Request], each: Duration) -> Passes {
    let mut all = 0;
    let mut next = requests.iter().cycle();
    let before = allocations();
    let mut nanoseconds = [0.0; PASSES];
    for pass in &mut nanoseconds {
        let (wall, start, mut done) = (Instant::now(), cpu(), 0_u64);
        for request in next.by_ref() {
            black_box(engine.decide(black_box(request)));
            done += 1;
            // Reading the clock costs a good part of a decision, so it is read seldom. At first it is read after each
            // decision, for slow engines.
            if (done < 16 || done.is_multiple_of(16)) && wall.elapsed() > each {
                break;
            }
        }
        *pass = (cpu() - start).as_nanos() as f64 / done as f64;
        all += done;
    }
    let allocations = (allocations() - before) as f64 / all as f64;
    nanoseconds.sort_by(f64::total_cmp);
    Passes { nanoseconds, allocations }
}
