//! A gateway embedded in another program: builds and runs `examples/embed_gateway.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::{Server, bare, ramgate};

#[test]
fn a_program_can_embed_a_gateway_and_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(example("embed_gateway"));
    bare(&mut command, folder.path());
    let gateway = Server::start(&mut command, "listening on ");
    let url = gateway.url();
    let called = ramgate(
        folder.path(),
        &[
            "call",
            "--endpoint",
            &url,
            "--key",
            "LTAI5tDemoTerway0000",
            "--region",
            "cn-hangzhou",
            "--eni",
            "eni-bp1demopod0000000001",
            "--instance",
            "i-bp1demoworker00000001",
        ],
    );
    assert_eq!(called.status, 0, "{called:?}");
    let log = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert!(log.contains("eni-bp1demopod0000000001"), "{log}");

    let interrupted = Command::new("kill").args(["-INT", &gateway.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !gateway.stdout().contains("stopped") {
        assert!(Instant::now() < deadline, "the gateway did not stop: {}", gateway.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Builds an example and returns its path. Cargo builds examples for a whole `cargo test`, but not for one test binary.
fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_ramgate")).parent().unwrap();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--profile", profile, "--example", name]);
    assert!(build.status().unwrap().success());
    folder.join("examples").join(name)
}
