//! A command that holds secrets leaves no core dump, however it ends. The command of `ramgate run` may leave one.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use crate::support::parts::left_out;
use crate::support::program::bare;
use crate::support::wait_for;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::tempdir;

const RAMGATE: &str = env!("CARGO_BIN_EXE_ramgate");
const SIGNALS: [Signal; 3] = [Signal::ABORT, Signal::SEGV, Signal::QUIT];

/// A running program whose parent allows core dumps. Programs that read their input end when this value is dropped.
struct Begun {
    child: Child,
    input: Option<ChildStdin>,
}

impl Begun {
    /// `limits` are shell commands that run before the shell executes the program.
    fn new(folder: &Path, limits: &str, program: &[&str]) -> Self {
        // Restores the default actions of signals, which the tests may have inherited as ignored.
        let mut command = Command::new("env");
        bare(&mut command, folder);
        command.args(["--default-signal", "sh", "-c", &format!("{limits} && exec \"$@\""), "sh"]).args(program);
        command.stdin(Stdio::piped()).stdout(fs::File::create(folder.join("said")).unwrap());
        command.stderr(fs::File::create(folder.join("log")).unwrap());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        Self { child, input }
    }

    fn unlimited(folder: &Path, program: &[&str]) -> Self {
        Self::new(folder, "ulimit -c unlimited", program)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends the signal until the program ends, because a program may handle the first one.
    fn killed(&mut self, signal: Signal) -> ExitStatus {
        let mut ended = None;
        for _ in 0..1000 {
            let _ = kill_process(self.pid(), signal);
            std::thread::sleep(std::time::Duration::from_millis(10));
            ended = self.child.try_wait().unwrap();
            if ended.is_some() {
                break;
            }
        }
        let ended = ended.expect("the program did not end");
        assert_eq!(ended.signal(), Some(signal.as_raw()), "{ended:?}");
        ended
    }

    /// `Max core file size`, soft and hard, as the kernel reports it.
    #[cfg(target_os = "linux")]
    fn limits(&self) -> (String, String) {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let mut words = line["Max core file size".len()..].split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether an ordinary program leaves a core dump on this machine. If not, the wait status proves nothing.
fn dumps_here() -> bool {
    let folder = tempdir().unwrap();
    let mut control = Begun::unlimited(folder.path(), &["sh", "-c", "echo begun; exec cat"]);
    wait_for("the control program", || said(folder.path(), "begun"));
    let dumped = control.killed(Signal::ABORT).core_dumped();
    if !dumped {
        left_out("core-dumps", "the wait status; /proc/PID/limits is checked");
    }
    dumped
}

fn said(folder: &Path, text: &str) -> bool {
    fs::read_to_string(folder.join("said")).unwrap().contains(text)
}

/// Every command that holds secrets, started and past the point where it has read them.
fn commands(folder: &Path) -> Vec<(&'static str, Begun, Option<TcpListener>)> {
    let at = |name: &str| {
        let inside = folder.join(name);
        fs::create_dir_all(&inside).unwrap();
        inside
    };
    let ready = |name: &'static str, arguments: &[&str], last: &str| {
        let begun = Begun::unlimited(&at(name), &[&[RAMGATE], arguments].concat());
        wait_for(name, || said(&at(name), last));
        (name, begun, None)
    };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let call = ["call", "--endpoint", &endpoint, "--key", "LTAI5tDemoTerway0000", "--region", "cn-hangzhou"];
    let calling = Begun::unlimited(&at("call"), &[&[RAMGATE][..], &call].concat());
    drop(silent.accept().map(std::mem::forget));
    vec![
        ready("serve", &["serve", "--listen", "127.0.0.1:0"], "Ctrl-C stops"),
        ready("ecs", &["ecs", "--listen", "127.0.0.1:0"], "Ctrl-C stops"),
        ready("run", &["run", "--", "sh", "-c", "echo begun; exec cat"], "begun"),
        ("call", calling, Some(silent)),
    ]
}

#[test]
fn a_command_that_holds_secrets_leaves_no_core_dump() {
    let dumps = dumps_here();
    for signal in SIGNALS {
        let folder = tempdir().unwrap();
        for (name, mut begun, _listener) in commands(folder.path()) {
            #[cfg(target_os = "linux")]
            {
                let (soft, hard) = begun.limits();
                assert_eq!(soft, "0", "{name}");
                assert!(!dumps || hard == "unlimited", "{name}: an operator could not raise the limit again: {hard}");
            }
            let ended = begun.killed(signal);
            assert!(!ended.core_dumped(), "{name}: {ended:?}");
        }
    }
}

/// A limit alone is not enough: a kernel that pipes core dumps to a program ignores it.
#[cfg(target_os = "linux")]
#[test]
fn there_is_no_core_dump_even_after_the_limit_is_raised() {
    let dumps = dumps_here();
    let folder = tempdir().unwrap();
    for (name, mut begun, _listener) in commands(folder.path()) {
        if dumps {
            prlimit(Some(begun.pid()), Resource::Core, Rlimit { current: None, maximum: None }).unwrap();
            assert_eq!(begun.limits().0, "unlimited", "{name}");
        }
        let ended = begun.killed(Signal::ABORT);
        assert!(!ended.core_dumped(), "{name}: {ended:?}");
    }
}

#[test]
fn run_starts_its_command_with_the_limits_of_its_own_parent() {
    let (folder, dumps) = (tempdir().unwrap(), dumps_here());
    let lowest = if dumps { "ulimit -Hc 2048 && ulimit -Sc 1024" } else { "ulimit -Sc 0" };
    let alone = || fs::read_to_string(folder.path().join("said")).unwrap();
    let shell = ["sh", "-c", "ulimit -Sc; ulimit -Hc; echo end"];
    let mut expected = Begun::new(folder.path(), lowest, &shell);
    expected.child.wait().unwrap();
    let expected = alone();
    assert!(!dumps || expected == "1024\n2048\nend\n", "{expected}");
    let mut run = Begun::new(folder.path(), lowest, &[&[RAMGATE, "run", "--"][..], &shell].concat());
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
    assert_eq!(alone(), expected);
}

/// The command of `ramgate run` is the operator's program, so it may leave a core dump.
#[test]
fn the_command_of_run_may_leave_a_core_dump() {
    let dumps = dumps_here();
    let folder = tempdir().unwrap();
    let mut run = Begun::unlimited(folder.path(), &[RAMGATE, "run", "--", "sh", "-c", "kill -ABRT $$"]);
    assert_eq!(run.child.wait().unwrap().code(), Some(134));
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if dumps && pattern.trim() == "core" {
        let core =
            |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().starts_with("core");
        assert!(fs::read_dir(folder.path()).unwrap().any(core), "the command left no core dump");
    }
}
