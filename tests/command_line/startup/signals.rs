//! SIGHUP never ends a command that serves; the command logs what it does about the signal.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::tempdir;

use crate::support::program::{Server, bare, close_to_others, finish, program, ramgate};
use crate::support::wait_for;

fn hang_up(process: &Child) {
    kill_process(Pid::from_child(process), Signal::HUP).unwrap();
}

fn is_alive(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_none()
}

/// A command that runs `script` in a shell, with `ramgate` as `$RAMGATE`. SIGHUP has its default action, even if the
/// tests were started with it ignored (`nohup`).
fn shell(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", "sh", "-c", script]);
    bare(&mut command, folder);
    command.env("RAMGATE", env!("CARGO_BIN_EXE_ramgate"));
    command
}

/// The configuration is a pipe, so that the start blocks at the first file it reads.
#[test]
fn a_sighup_during_the_start_does_not_end_the_gateway() {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("ramgate.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Returns when the gateway has opened the other end.
    let mut configuration = fs::File::options().write(true).open(&pipe).unwrap();
    for _ in 0..5 {
        hang_up(&child);
        sleep(Duration::from_millis(20));
    }
    assert!(is_alive(&mut child), "SIGHUP ended the gateway");
    configuration.write_all(b"listen = 1").unwrap();
    drop(configuration);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "the configuration was not read to its end: {ended:?}");
}

#[test]
fn the_gateway_logs_which_files_sighup_reads_again() {
    let folder = tempdir().unwrap();
    let mut server = Server::start(&mut program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    for times in 1..=3 {
        server.hang_up();
        wait_for("the log line about SIGHUP", || server.stderr().matches("SIGHUP: TLS files").count() == times);
    }
    assert!(server.stderr().contains("restart for those"), "{}", server.stderr());
    assert_eq!(server.terminate(Duration::from_secs(30)), Some(0));
}

#[test]
fn sighup_does_not_end_the_embedded_ecs() {
    let folder = tempdir().unwrap();
    let mut server = Server::start(&mut program(folder.path(), &["ecs", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    server.hang_up();
    wait_for("the log line about SIGHUP", || {
        server.stderr().contains("SIGHUP: the embedded ECS does not reload files")
    });
    assert_eq!(server.terminate(Duration::from_secs(30)), Some(0));
}

#[test]
fn sighup_renews_a_token_file_at_once() {
    let folder = tempdir().unwrap();
    let ring = "[[access_key]]\nid = \"LTAI5tAlice\"\nsecret = \"of-alice\"\nprincipal = \"1:user/alice\"\n";
    fs::write(folder.path().join("ring.toml"), ring).unwrap();
    close_to_others(&folder.path().join("ring.toml"));
    let arguments = "key token-file --endpoint http://127.0.0.1:1 --out key --renew --keyring ring.toml --key LTAI5tAlice \
                     --role acs:ram::1:role/terway";
    let mut command = program(folder.path(), &arguments.split_whitespace().collect::<Vec<_>>());
    let stderr = folder.path().join("stderr");
    let mut child = command.stderr(fs::File::create(&stderr).unwrap()).stdout(Stdio::null()).spawn().unwrap();
    let said = |what: &str| fs::read_to_string(&stderr).unwrap().contains(what);
    wait_for("the first attempt", || said("next attempt in"));
    // Only a SIGHUP in a pause between attempts has this effect. Pauses grow, so one soon arrives in a pause.
    wait_for("the log line about SIGHUP", || {
        hang_up(&child);
        said("SIGHUP: requesting a new key")
    });
    assert!(is_alive(&mut child));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn run_forwards_sighup_to_its_command_and_waits() {
    let folder = tempdir().unwrap();
    let inside = folder.path();
    let script = "exec \"$RAMGATE\" run -- sh -c 'trap \"echo >> got\" HUP; echo > ready; until [ -e done ]; do sleep 0.05; \
                  done; exit 7'";
    let mut child = shell(inside, script).spawn().unwrap();
    wait_for("the command", || inside.join("ready").exists());
    hang_up(&child);
    wait_for("the command to receive SIGHUP", || inside.join("got").exists());
    assert!(is_alive(&mut child), "SIGHUP ended `run` before its command");
    fs::write(inside.join("done"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

/// The command inherits the action for SIGHUP that `ramgate run` was started with.
#[test]
fn the_command_of_run_inherits_the_action_for_sighup() {
    let folder = tempdir().unwrap();
    let itself = "\"$RAMGATE\" run -- sh -c 'kill -HUP $$; echo alive'";
    let ran = finish(&mut shell(folder.path(), &format!("exec {itself}")), "");
    assert_eq!((ran.status, ran.stdout.as_str()), (129, ""), "the default action: {ran:?}");
    let ran = finish(&mut shell(folder.path(), &format!("trap '' HUP; exec {itself}")), "");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "alive\n"), "as under nohup: {ran:?}");
}

/// `audit tail -f` only prints to a terminal, so it ends when the terminal hangs up.
#[test]
fn sighup_ends_audit_tail() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("audit.jsonl"), "").unwrap();
    let mut command = shell(folder.path(), "exec \"$RAMGATE\" audit tail -f --log audit.jsonl");
    let child = RefCell::new(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let ended = Cell::new(None);
    wait_for("the end of `audit tail`", || {
        // The process id is not reused before `try_wait` has reaped the process.
        hang_up(&child.borrow());
        ended.set(child.borrow_mut().try_wait().unwrap());
        ended.get().is_some()
    });
    assert_eq!(ended.get().unwrap().signal(), Some(1));
    assert_eq!(ramgate(folder.path(), &["actions"]).status, 0);
}
