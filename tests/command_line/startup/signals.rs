//! SIGHUP ends no command that serves, whenever it comes, and says what it does.

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

/// What is run by a shell, with `ramgate` as `$RAMGATE`. A hangup has its default action, even where the tests were started
/// with it ignored (`nohup`).
fn shell(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", "sh", "-c", script]);
    bare(&mut command, folder);
    command.env("RAMGATE", env!("CARGO_BIN_EXE_ramgate"));
    command
}

/// The configuration is a pipe, so that the start stands still at the first file it reads.
#[test]
fn a_hangup_during_the_start_is_no_end() {
    let folder = tempdir().unwrap();
    let pipe = folder.path().join("ramgate.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = program(folder.path(), &["serve", "--config", "ramgate.toml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Opened as soon as the other end is.
    let mut configuration = fs::File::options().write(true).open(&pipe).unwrap();
    for _ in 0..5 {
        hang_up(&child);
        sleep(Duration::from_millis(20));
    }
    assert!(is_alive(&mut child), "the hangup ended it");
    configuration.write_all(b"listen = 1").unwrap();
    drop(configuration);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "it read its configuration to the end: {ended:?}");
}

#[test]
fn a_server_says_what_it_reads_again_and_what_not() {
    let folder = tempdir().unwrap();
    let mut server = Server::start(&mut program(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    for times in 1..=3 {
        server.hang_up();
        wait_for("the hangup to be told", || server.stderr().matches("SIGHUP: TLS files").count() == times);
    }
    assert!(server.stderr().contains("restart for those"), "{}", server.stderr());
    assert_eq!(server.terminate(Duration::from_secs(30)), Some(0));
}

#[test]
fn the_embedded_ecs_goes_on() {
    let folder = tempdir().unwrap();
    let mut server = Server::start(&mut program(folder.path(), &["ecs", "--listen", "127.0.0.1:0"]), "Ctrl-C stops");
    server.hang_up();
    wait_for("the hangup to be told", || server.stderr().contains("SIGHUP: the embedded ECS reads no file again"));
    assert_eq!(server.terminate(Duration::from_secs(30)), Some(0));
}

#[test]
fn a_token_file_is_renewed_at_once() {
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
    // The pause grows: a hangup falls into one soon.
    wait_for("the hangup to be told", || {
        hang_up(&child);
        said("SIGHUP: a new key is asked for now")
    });
    assert!(is_alive(&mut child));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_command_that_is_run_gets_the_hangup_and_decides() {
    let folder = tempdir().unwrap();
    let inside = folder.path();
    let script = "exec \"$RAMGATE\" run -- sh -c 'trap \"echo >> got\" HUP; echo > ready; until [ -e done ]; do sleep 0.05; \
                  done; exit 7'";
    let mut child = shell(inside, script).spawn().unwrap();
    wait_for("the command", || inside.join("ready").exists());
    hang_up(&child);
    wait_for("the command to get the hangup", || inside.join("got").exists());
    assert!(is_alive(&mut child), "the hangup ended it before its command");
    fs::write(inside.join("done"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

/// What it inherits is what a shell would have given it.
#[test]
fn a_command_that_is_run_has_the_action_that_it_would_have_without() {
    let folder = tempdir().unwrap();
    let itself = "\"$RAMGATE\" run -- sh -c 'kill -HUP $$; echo alive'";
    let ran = finish(&mut shell(folder.path(), &format!("exec {itself}")), "");
    assert_eq!((ran.status, ran.stdout.as_str()), (129, ""), "the default action: {ran:?}");
    let ran = finish(&mut shell(folder.path(), &format!("trap '' HUP; exec {itself}")), "");
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "alive\n"), "as under nohup: {ran:?}");
}

/// It shows something to whoever sits at a terminal, and ends with that.
#[test]
fn what_only_shows_something_ends_with_its_terminal() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("audit.jsonl"), "").unwrap();
    let mut command = shell(folder.path(), "exec \"$RAMGATE\" audit tail -f --log audit.jsonl");
    let child = RefCell::new(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let ended = Cell::new(None);
    wait_for("its end", || {
        // Until it has been reaped its id is its own.
        hang_up(&child.borrow());
        ended.set(child.borrow_mut().try_wait().unwrap());
        ended.get().is_some()
    });
    assert_eq!(ended.get().unwrap().signal(), Some(1));
    assert_eq!(ramgate(folder.path(), &["actions"]).status, 0);
}
