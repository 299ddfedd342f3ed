//! Parts that a machine with Rust and gcc may lack, and the tests that need them.
//!
//! `cargo test` passes without them: a test that lacks a part calls [`left_out`], which prints `left out: PART` (shown
//! with `--show-output`). With `RAMGATE_TEST_REQUIRE=all`, or with a comma-separated list of parts, that call fails
//! instead, so that CI cannot lose a test unnoticed. The parts:
//!
//! | part | needed for |
//! |---|---|
//! | `bash`, `curl`, `sed` | running the documents' `console` blocks |
//! | `cc` | building a library that changes the gateway's clock |
//! | `core-dumps` | seeing in a wait status that no core was dumped: the kernel must write dumps to files |
//! | `gzip` | reading a compressed log |
//! | `optional-crates` | checking the crates of optional features, which must have been downloaded |
//! | `prlimit` | limiting the file size of a running gateway |
//! | `rebind` | binding a second socket to an address on which no socket listens yet, which Linux allows |
//! | `root` | changing the owner of a file |
//! | `script` | running the gateway on a terminal |
//! | `setpriv` | running the gateway without root's capabilities, when the tests run as root |

use std::process::{Command, Stdio};

/// All parts: the names that `RAMGATE_TEST_REQUIRE` may list.
const PARTS: [&str; 12] = [
    "bash",
    "cc",
    "core-dumps",
    "curl",
    "gzip",
    "optional-crates",
    "prlimit",
    "rebind",
    "root",
    "script",
    "sed",
    "setpriv",
];

/// Reports that a test, or part of one, is skipped because this machine lacks a part. Panics if the part is required.
#[track_caller]
pub fn left_out(part: &str, what: &str) {
    let required = std::env::var("RAMGATE_TEST_REQUIRE").unwrap_or_default();
    assert!(PARTS.contains(&part), "`{part}` is not in the list of parts");
    for name in required.split(',').filter(|name| !name.is_empty()) {
        assert!(name == "all" || PARTS.contains(&name), "unknown part `{name}` in RAMGATE_TEST_REQUIRE: {PARTS:?}");
        assert!(name != "all" && name != part, "RAMGATE_TEST_REQUIRE={required}, but `{part}` is missing: {what}");
    }
    println!("left out: {part}: {what}");
}

/// Whether a program can be run here. If it cannot, the caller's test is [`left_out`].
#[track_caller]
pub fn has(program: &str, what: &str) -> bool {
    let mut command = Command::new(program);
    let found = command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        left_out(program, what);
    }
    found.is_ok()
}
