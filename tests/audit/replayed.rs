//! An accepted signed call is not accepted again: not after a stop, a crash, a step of the clock, a change of keys, or
//! damage to the nonce files.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use ramgate::identity::format_timestamp;

use crate::support::house::{House, SECRET, address};
use crate::support::parts::left_out;
use crate::support::wire::{connect, read_answer};
use crate::support::{Answer, Caller, ENI, INSTANCE, Ran, Server, Shape, ramgate, wait_for};

const SHAPES: [Shape; 2] = [Shape::V1Get, Shape::V3Query];

fn carol() -> Caller {
    Caller::new("LTAI5tCarol000000000", SECRET)
}

/// A call signed with a date that lies `seconds` from now.
pub fn signed(shape: Shape, seconds: i64) -> Vec<u8> {
    let mut caller = carol();
    caller.timestamp = Some(format_timestamp(Timestamp::now() + SignedDuration::from_secs(seconds)));
    caller.request(shape, &[("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)])
}

fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = connect(address);
    std::io::Write::write_all(&mut stream, request).unwrap();
    read_answer(&mut stream).expect("an answer")
}

pub fn accepted(server: &Server, request: &[u8]) {
    let answer = send(address(server), request);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn refused(server: &Server, request: &[u8], code: &str, message: &str) {
    let answer = send(address(server), request);
    assert_eq!((answer.status, answer.code()), (400, code.to_owned()), "{answer:?}");
    assert!(answer.message().contains(message), "{answer:?}");
}

pub fn used(server: &Server, request: &[u8]) {
    refused(server, request, "SignatureNonceUsed", "has been used");
}

fn too_old(server: &Server, request: &[u8]) {
    refused(server, request, "InvalidTimeStamp.Expired", "try again with a new signature");
}

/// Calls that are signed now are served, at most 20 s after `since`.
fn serves_new_calls(server: &Server, since: Instant) {
    for shape in SHAPES {
        accepted(server, &signed(shape, 0));
    }
    assert!(since.elapsed() < Duration::from_secs(20), "new calls were served only after {:?}", since.elapsed());
}

/// A gateway with these lines in its configuration, and the folder that it runs in.
fn started(more: &str) -> (House, Server) {
    let house = House::new(more);
    let server = house.start();
    (house, server)
}

fn stop(server: &mut Server) {
    assert_eq!(server.terminate(Duration::from_secs(20)), Some(0), "{}", server.stderr());
}

fn doubts(server: &Server, words: &str) {
    wait_for(words, || server.stderr().contains(words));
    assert!(server.stderr().contains("ERROR"), "{}", server.stderr());
}

/// The nonce files, beginning with the file that holds the key.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("audit.nonces"));
    files.sort();
    files
}

#[test]
fn accepted_calls_are_refused_after_a_stop_and_after_a_crash() {
    for sync in ["always", "group", "none"] {
        let (house, mut server) = started(&format!("[audit]\nsync = \"{sync}\""));
        // Also from clients whose clocks are behind or ahead.
        let calls: Vec<_> =
            SHAPES.iter().flat_map(|shape| [0, -600, 600].map(|seconds| signed(*shape, seconds))).collect();
        calls.iter().for_each(|call| accepted(&server, call));
        calls.iter().for_each(|call| used(&server, call));
        stop(&mut server);
        server = house.start();
        calls.iter().for_each(|call| used(&server, call));
        let late: Vec<_> = SHAPES.iter().map(|shape| signed(*shape, -5)).collect();
        late.iter().for_each(|call| accepted(&server, call));
        // Killed.
        drop(server);
        let since = Instant::now();
        server = house.start();
        calls.iter().chain(&late).for_each(|call| used(&server, call));
        serves_new_calls(&server, since);
        accepted(&server, &signed(Shape::V1Get, -800));
        assert!(!server.stderr().contains("ERROR"), "{sync}: the nonce files are complete: {}", server.stderr());
        for file in files(house.path()) {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }
}

#[test]
fn the_nonces_of_a_key_survive_its_removal_and_its_return_for_another_principal() {
    let (house, mut server) = started("");
    let call = signed(Shape::V3Query, 0);
    accepted(&server, &call);
    stop(&mut server);
    let ring = house.path().join("keyring.toml");
    let text = fs::read_to_string(&ring).unwrap();
    fs::write(&ring, text.replace("LTAI5tCarol000000000", "LTAI5tOther000000000")).unwrap();
    server = house.start();
    refused(&server, &call, "InvalidAccessKeyId.NotFound", "");
    stop(&mut server);
    fs::write(&ring, text.replace("user/carol", "user/dave")).unwrap();
    let account = house.path().join("policies/account.toml");
    let policies = fs::read_to_string(&account).unwrap();
    fs::write(&account, policies.replace("[users.dave]\n", "[users.dave]\npolicies = [\"all\"]\n")).unwrap();
    server = house.start();
    used(&server, &call);
    accepted(&server, &signed(Shape::V3Query, 0));
}

/// The error of the next start, and the damage to the nonce files that causes it.
type Damage = (&'static str, fn(&House, &Path));

const DAMAGES: &[Damage] = &[
    ("they are missing, although the audit log was written recently", |house, _| {
        files(house.path()).iter().for_each(|file| fs::remove_file(file).unwrap());
    }),
    ("a part of them is missing or damaged", |house, _| fs::write(&files(house.path())[0], b"").unwrap()),
    ("a part of them is missing or damaged", |house, _| {
        for file in files(house.path()) {
            fs::OpenOptions::new().write(true).open(file).unwrap().set_len(0).unwrap();
        }
    }),
    ("they end before the audit log does", |house, _| {
        let file = files(house.path()).pop().unwrap();
        let length = file.metadata().unwrap().len();
        fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length - 60).unwrap();
    }),
    ("they end before the audit log does", |house, backup| {
        files(house.path()).iter().for_each(|file| fs::remove_file(file).unwrap());
        for file in files(backup) {
            fs::copy(&file, house.path().join(file.file_name().unwrap())).unwrap();
        }
    }),
    ("they end before the audit log does", |house, _| {
        let file = files(house.path()).pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        bytes[50] ^= 1;
        fs::write(file, bytes).unwrap();
    }),
    ("they belong to another audit log", |house, _| fs::remove_file(house.path().join("audit.jsonl")).unwrap()),
];

#[test]
fn incomplete_nonce_files_are_reported_and_calls_signed_before_the_start_are_refused() {
    for (words, damage) in DAMAGES {
        let (house, mut server) = started("");
        accepted(&server, &signed(Shape::V1Get, 0));
        stop(&mut server);
        let backup = tempfile::tempdir().unwrap();
        for file in files(house.path()) {
            fs::copy(&file, backup.path().join(file.file_name().unwrap())).unwrap();
        }
        server = house.start();
        let calls: Vec<_> = SHAPES.iter().map(|shape| signed(*shape, 0)).collect();
        calls.iter().for_each(|call| accepted(&server, call));
        stop(&mut server);
        damage(&house, backup.path());
        let since = Instant::now();
        server = house.start();
        doubts(&server, words);
        for call in calls.iter().chain(&[signed(Shape::V1Get, -60)]) {
            let answer = send(address(&server), call);
            assert_eq!(answer.status, 400, "{words}: {answer:?}");
        }
        serves_new_calls(&server, since);
        too_old(&server, &signed(Shape::V3Query, -60));
        // The next start still refuses these calls, and reports no error.
        stop(&mut server);
        server = house.start();
        too_old(&server, &signed(Shape::V3Query, -60));
        calls.iter().for_each(|call| assert_eq!(send(address(&server), call).status, 400, "{words}"));
        serves_new_calls(&server, Instant::now());
        assert!(!server.stderr().contains("ERROR"), "{words}: {}", server.stderr());
    }
}

#[test]
fn after_a_crash_an_optional_log_does_not_prove_that_the_nonce_files_are_complete() {
    let (house, server) = started("[audit]\nrequired = false");
    let call = signed(Shape::V1Get, 0);
    accepted(&server, &call);
    drop(server);
    let mut server = house.start();
    doubts(&server, "did not stop cleanly");
    used(&server, &call);
    too_old(&server, &signed(Shape::V1Get, -60));
    stop(&mut server);
    // After a clean stop the nonce files are known to be complete.
    let (house, mut server) = started("[audit]\nrequired = false");
    accepted(&server, &call);
    stop(&mut server);
    let server = house.start();
    used(&server, &call);
    accepted(&server, &signed(Shape::V1Get, -60));
}

fn could_not_start(house: &House, words: &str, help: &str) {
    let ran: Ran = ramgate(house.path(), &["serve", "--config", "ramgate.toml"]);
    assert_ne!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.contains(words) && ran.stderr.contains(help), "{ran:?}");
}

#[test]
fn a_start_without_a_usable_nonce_path_fails_with_a_remedy() {
    let house = House::new("[identity]\nnonce_path = \"nowhere/nonces\"");
    could_not_start(&house, "nowhere/nonces` cannot be used", "nonce_store = \"memory\"");
    house.configure("[audit]\npath = \"/dev/null\"");
    could_not_start(&house, "`/dev/null` is not a regular file", "set `nonce_path` in `[identity]`");
    // A link is not followed, and a file that is not a nonce file is left unchanged.
    house.configure("");
    fs::write(house.path().join("precious"), "precious").unwrap();
    fs::set_permissions(house.path().join("precious"), Permissions::from_mode(0o600)).unwrap();
    symlink("precious", house.path().join("audit.nonces")).unwrap();
    could_not_start(&house, "audit.nonces` is not a regular file", "nonce_path");
    fs::remove_file(house.path().join("audit.nonces")).unwrap();
    house.configure("[identity]\nnonce_path = \"precious\"");
    could_not_start(&house, "precious` is not a nonce file", "nonce_path");
    assert_eq!(fs::read_to_string(house.path().join("precious")).unwrap(), "precious");

    house.configure("[identity]\nnonce_path = \"kept\"");
    let mut server = house.start();
    house.configure("[identity]\nnonce_path = \"kept\"\n[audit]\npath = \"other.jsonl\"");
    could_not_start(&house, "kept` is in use by another process", "stop the other process");
    stop(&mut server);
    let last = house.path().join("kept.00000001");
    fs::set_permissions(&last, Permissions::from_mode(0o644)).unwrap();
    house.configure("[identity]\nnonce_path = \"kept\"");
    could_not_start(&house, "kept.00000001` is accessible to other users", "chmod 600");
    // If the log is a device, `nonce_path` must be set.
    fs::set_permissions(&last, Permissions::from_mode(0o600)).unwrap();
    house.configure("[identity]\nnonce_path = \"device\"\n[audit]\npath = \"/dev/null\"\nsync = \"none\"");
    let call = signed(Shape::V1Get, 0);
    let mut server = house.start();
    accepted(&server, &call);
    stop(&mut server);
    let server = house.start();
    used(&server, &call);
    accepted(&server, &signed(Shape::V1Get, -60));
}

#[test]
fn a_nonce_store_in_memory_causes_a_warning_and_takes_no_path() {
    let (house, server) = started("[identity]\nnonce_store = \"memory\"");
    wait_for("the warning", || server.stderr().contains("replay protection ends with this process"));
    assert!(files(house.path()).is_empty());
    house.configure("[identity]\nnonce_store = \"memory\"\nnonce_path = \"nonces\"");
    could_not_start(&house, "`nonce_store = \"memory\"` writes no file", "remove one of the two");
    house.configure("[identity]\nnonce_store = \"disk\"");
    could_not_start(&house, "unknown value `disk` for `nonce_store`", "write `file` or `memory`");
}

/// A preloaded library that shifts the wall clock of a process by the number of seconds that a file contains.
struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    /// `None` on a machine without a C compiler.
    fn new(folder: &Path) -> Option<Self> {
        let source = folder.join("clock.c");
        fs::write(&source, CLOCK).unwrap();
        let (library, offset) = (folder.join("clock.so"), folder.join("offset"));
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl");
        if !compile.status().is_ok_and(|status| status.success()) {
            left_out("cc", "a clock that steps");
            return None;
        }
        let clock = Self { library, offset };
        clock.set(0);
        Some(clock)
    }

    fn set(&self, seconds: i64) {
        let new = self.offset.with_extension("new");
        fs::write(&new, format!("{seconds}\n")).unwrap();
        fs::rename(new, &self.offset).unwrap();
    }

    fn start(&self, house: &House) -> Server {
        let mut command = house.serve();
        command.env("LD_PRELOAD", &self.library).env("CLOCK_OFFSET", &self.offset);
        Server::start(&mut command, "attempts are written to")
    }
}

const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, time);
    if (id != CLOCK_REALTIME || result) return result;
    char text[32] = {0};
    int file = open(getenv("CLOCK_OFFSET"), O_RDONLY);
    if (file < 0) return result;
    if (read(file, text, sizeof text - 1) > 0) time->tv_sec += atol(text);
    close(file);
    return result;
}
"#;

#[test]
fn a_step_of_the_clock_allows_no_replay_while_the_process_runs_or_is_stopped() {
    const HOUR: i64 = 3600;
    let house = House::new("");
    let Some(clock) = Clock::new(house.path()) else { return };
    let mut server = clock.start(&house);
    let calls: Vec<_> = SHAPES.iter().map(|shape| signed(*shape, 0)).collect();
    calls.iter().for_each(|call| accepted(&server, call));
    for step in [HOUR, -HOUR, 24 * HOUR, 0] {
        clock.set(step);
        // Signed by a caller whose clock stepped too.
        accepted(&server, &signed(Shape::V1Get, step));
        thread::sleep(Duration::from_millis(1200));
    }
    calls.iter().for_each(|call| used(&server, call));
    // Stopped while the clock is ahead, and started when it is right.
    stop(&mut server);
    clock.set(2 * HOUR);
    server = clock.start(&house);
    let ahead = signed(Shape::V1Get, 2 * HOUR);
    accepted(&server, &ahead);
    thread::sleep(Duration::from_millis(1200));
    stop(&mut server);
    clock.set(0);
    server = clock.start(&house);
    doubts(&server, "they are dated in the future");
    for call in &calls {
        assert_eq!(send(address(&server), call).status, 400);
    }
    clock.set(2 * HOUR);
    used(&server, &ahead);
}
