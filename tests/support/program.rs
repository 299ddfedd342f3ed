//! The real binary, run to completion or kept running.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than any command here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The result of a finished run.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The JSON document on standard output.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary in a folder, without environment variables that could configure it.
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ramgate"));
    command.args(arguments);
    bare(&mut command, folder);
    command
}

/// Clears the environment except `PATH`, and makes the folder the home directory.
pub fn bare(command: &mut Command, folder: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.current_dir(folder).env_clear().env("PATH", path).env("HOME", folder);
}

pub fn ramgate(folder: &Path, arguments: &[&str]) -> Ran {
    finish(&mut program(folder, arguments), "")
}

/// Runs a command to completion. A command that takes longer than [`PATIENCE`] is killed and gets the status -1.
pub fn finish(command: &mut Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read its input may have exited already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let status = wait(&mut child).unwrap_or_else(|| {
        child.kill().unwrap();
        child.wait().unwrap();
        -1
    });
    Ran { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Sets the file mode that a file with secrets must have.
pub fn close_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A server of this project in a process of its own, killed on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Server {
    /// Starts the server and waits until its standard output contains `last`.
    pub fn start(command: &mut Command, last: &str) -> Self {
        Self::spawn(command.stderr(Stdio::piped()), last)
    }

    /// Like [`Self::start`], with a standard error whose reading end is closed: log lines cannot be written.
    pub fn start_unread(command: &mut Command, last: &str) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Self::spawn(command.stderr(writer), last)
    }

    fn spawn(command: &mut Command, last: &str) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = follow(child.stdout.take().unwrap());
        let stderr = child.stderr.take().map(follow).unwrap_or_default();
        let mut server = Self { child, stdout, stderr };
        let deadline = Instant::now() + PATIENCE;
        while !server.stdout().contains(last) {
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no `{last}`: {}{}",
                server.stdout(),
                server.stderr()
            );
            thread::sleep(Duration::from_millis(5));
        }
        server
    }

    /// `http://127.0.0.1:PORT`, as it was printed.
    pub fn url(&self) -> String {
        let stdout = self.stdout();
        let at = stdout.find("http://").unwrap_or_else(|| panic!("no address: {stdout}"));
        stdout[at..].split_whitespace().next().unwrap().to_owned()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The address that was printed after these words.
    pub fn address_after(&self, words: &str) -> std::net::SocketAddr {
        let stdout = self.stdout();
        let at = stdout.find(words).unwrap_or_else(|| panic!("no `{words}`: {stdout}")) + words.len();
        stdout[at..].split_whitespace().next().unwrap().parse().unwrap()
    }

    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Sends SIGHUP, on which the server reads its files again.
    pub fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// Sends SIGTERM, as an init system does. Returns the exit status if the server stops within that time.
    pub fn terminate(&mut self, within: Duration) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(2));
    }
    None
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

fn follow(pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            shared.lock().unwrap().push_str(&line);
            line.clear();
        }
    });
    text
}
