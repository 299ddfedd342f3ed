//! A full disk: calls are refused while the log cannot grow, and accepted again once it can.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::log::{Gaps, Log, reasons};
use crate::support::house::{House, address, get};
use crate::support::parts::has;
use crate::support::program::bare;
use crate::support::{Server, wait_for};

const MODES: [&str; 3] = ["always", "group", "none"];

/// A small file system, unmounted when this value is dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn mount(at: &Path, size: &str) -> Self {
        fs::create_dir(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).status();
        assert!(mounted.unwrap().success(), "this test needs the right to mount");
        Self(at.to_owned())
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills the file system except for a few pages.
    fn fill(&self) {
        let mut size = 512 << 10;
        while size >= 4096 {
            let old = fs::read(self.ballast()).unwrap_or_default();
            if fs::write(self.ballast(), vec![0; old.len() + size]).is_err() {
                fs::write(self.ballast(), old).unwrap();
            }
            size /= 2;
        }
        let old = fs::read(self.ballast()).unwrap();
        fs::write(self.ballast(), &old[..old.len() - 16384]).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Limits the size of the process's files, as `ulimit -f` does. It needs no right to mount a file system.
fn limit(server: &Server, bytes: &str) {
    let pid = server.id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status();
    assert!(limited.unwrap().success(), "`prlimit` is needed for this test");
}

/// A gateway that ignores SIGXFSZ, so that a write beyond the limit fails with an error instead of killing it.
fn limited(house: &House) -> Server {
    let mut shell = Command::new("sh");
    let script = "trap '' XFSZ; exec \"$0\" serve --config ramgate.toml";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_ramgate")]);
    bare(&mut shell, house.path());
    Server::start(&mut shell, "attempts are written to")
}

#[test]
#[ignore = "needs the right to mount: `cargo test --test audit -- --ignored`"]
fn a_full_disk_refuses_calls_until_there_is_room() {
    for mode in MODES {
        let house = House::new("");
        let disk = SmallDisk::mount(&house.path().join("disk"), "256k");
        house.configure(&format!("[audit]\npath = \"disk/audit.jsonl\"\nsync = \"{mode}\""));
        let server = house.start();
        refused_then_accepted(
            &house,
            &server,
            &house.path().join("disk"),
            mode,
            || disk.fill(),
            || {
                fs::remove_file(disk.ballast()).unwrap();
            },
        );
        drop(server);
    }
}

#[test]
fn a_log_file_that_cannot_grow_refuses_calls_until_it_can() {
    if !has("prlimit", "a log that cannot grow") {
        return;
    }
    for mode in MODES {
        let house = House::new("");
        house.configure(&format!("[audit]\nsync = \"{mode}\"\n[admin]\nlisten = \"127.0.0.1:0\""));
        let server = limited(&house);
        let log = house.path().join("audit.jsonl");
        let admin = server.address_after("metrics at http://");
        let fill = || limit(&server, &(fs::metadata(&log).unwrap().len() + 16384).to_string());
        let free = || {
            let ready = get(admin, "/readyz");
            assert_eq!(ready.status, 503, "{ready:?}");
            assert!(ready.body.contains("File too large"), "{ready:?}");
            limit(&server, "unlimited");
            // The gateway notices without a call.
            wait_for("the log to be writable again", || get(admin, "/readyz").status == 200);
        };
        refused_then_accepted(&house, &server, house.path(), mode, fill, free);
    }
}

/// The log cannot record its own gap any more, so the gateway's own log does.
#[test]
fn a_stop_while_the_log_cannot_be_written_reports_the_missing_lines() {
    let house = House::new("[audit]\nsync = \"none\"");
    let mut server = limited(&house);
    assert_eq!(house.status(&server), 200);
    limit(&server, &fs::metadata(house.path().join("audit.jsonl")).unwrap().len().to_string());
    for _ in 0..3 {
        assert_eq!(house.status(&server), 503);
    }
    assert_eq!(server.terminate(std::time::Duration::from_secs(30)), Some(0));
    let said = server.stderr();
    let line = said.lines().find(|line| line.contains("the audit log ends without this line: "));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("ERROR") && line.contains(" lines could not be written since "), "{line}");
    assert!(line.contains("no call whose decision is among them was forwarded"), "{line}");
}

fn refused_then_accepted(house: &House, server: &Server, folder: &Path, mode: &str, fill: impl Fn(), free: impl Fn()) {
    assert_eq!(house.status(server), 200, "{mode}");
    fill();
    let mut accepted = 1;
    while house.status(server) == 200 {
        accepted += 1;
        assert!(accepted < 100, "{mode}: the disk does not fill");
    }
    for _ in 0..3 {
        let answer = house.call(address(server)).unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (503, "ServiceUnavailable"), "{mode}: {answer:?}");
    }
    assert_eq!(house.forwarded().len(), accepted, "{mode}: a call was sent without its line");
    free();
    assert_eq!(house.status(server), 200, "{mode}: calls are accepted without a restart");
    assert_eq!(house.status(server), 200, "{mode}");
    let log = Log::read(folder);
    assert_eq!(log.torn, "", "{mode}");
    let events = log.verified(Gaps::None);
    let reasons = reasons(&events);
    assert!(reasons.iter().any(|reason| reason.contains("lines could not be written since")), "{mode}: {reasons:?}");
}
