//! Runs the commands in the `console` blocks of the README and of `docs/`, and compares their output with the blocks.
//!
//! A line that begins with `$ ` is a command. A command that ends with `\`, or that begins a here-document, continues
//! in the next lines. The lines after it are its output, standard error included. `…` means any text within a line; a
//! line that is only `…` means any number of lines. The blocks of a document share a folder, which contains the
//! project's policies and its demo. A server that is started with `&` is awaited, and stopped at the end of its block.
//! The ports of the documents are replaced by free ones.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

use crate::markdown::{self, Block, Document};
use crate::parts::left_out;

/// The ports that the documents use.
const PORTS: [&str; 4] = ["8620", "8621", "8622", "8623"];
/// Folders of the repository that commands read.
const COPIED: [&str; 4] = ["policies", "demo", "samples", "schema"];
/// Programs that a machine with Rust and gcc may lack.
const PROGRAMS: [&str; 3] = ["bash", "curl", "sed"];
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn commands_in_the_documents_print_the_output_shown() {
    let (mut wrong, mut commands) = (Vec::new(), 0);
    for document in markdown::with_commands() {
        let blocks = document.blocks();
        let mut blocks = blocks.iter().filter(|block| block.language == "console").peekable();
        if blocks.peek().is_none() {
            continue;
        }
        let place = Place::new();
        for block in blocks {
            let steps = steps(block);
            if let Some(missing) = missing(&steps) {
                left_out(missing, &format!("{}:{}", document.path.display(), block.line));
                continue;
            }
            commands += steps.len();
            wrong.extend(place.run(&document, block.line, &steps));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    println!("{commands} commands");
}

/// A command, and the output that is shown for it.
struct Step<'a> {
    command: String,
    output: Vec<&'a str>,
}

fn steps<'a>(block: &Block<'a>) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut lines = block.lines.iter().copied();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else {
            let step = steps.last_mut();
            step.unwrap_or_else(|| panic!("line {}: output before a command", block.line)).output.push(line);
            continue;
        };
        let mut command = command.to_owned();
        while command.ends_with('\\') {
            command.push('\n');
            command.push_str(lines.next().unwrap());
        }
        if command.ends_with("<<'EOF'") {
            let document = lines.by_ref().take_while(|line| *line != "EOF");
            document.for_each(|line| command.push_str(&format!("\n{line}")));
            command.push_str("\nEOF");
        }
        steps.push(Step { command, output: Vec::new() });
    }
    steps
}

/// A program that the steps need and this machine lacks.
fn missing(steps: &[Step<'_>]) -> Option<&'static str> {
    let used = |program: &&str| *program == "bash" || steps.iter().any(|step| step.command.starts_with(*program));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let lacks = |program: &&str| !std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    PROGRAMS.into_iter().filter(used).find(lacks)
}

/// The folder that the blocks of one document share, and its ports.
struct Place {
    folder: TempDir,
    ports: [String; PORTS.len()],
}

impl Place {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        for copied in COPIED {
            copy(Path::new(copied), &folder.path().join(copied));
        }
        let listeners = PORTS.map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let ports = listeners.map(|listener| listener.local_addr().unwrap().port().to_string());
        Self { folder, ports }
    }

    fn with_ports(&self, text: &str) -> String {
        PORTS.iter().zip(&self.ports).fold(text.to_owned(), |text, (written, free)| text.replace(written, free))
    }

    /// Runs the steps of a block in one shell, and returns the differences between the output and the document.
    fn run(&self, document: &Document, line: usize, steps: &[Step<'_>]) -> Vec<String> {
        let outputs = tempdir().unwrap();
        let output = |number: usize| outputs.path().join(number.to_string());
        let script = outputs.path().join("script");
        fs::write(&script, self.script(steps, output)).unwrap();
        let ran = self.bash(&script);
        let compare = |(number, step): (usize, &Step<'_>)| {
            let shown: Vec<String> = step.output.iter().map(|line| self.with_ports(line)).collect();
            let printed = fs::read_to_string(output(number)).unwrap_or_else(|_| "(it was not run)".to_owned());
            let printed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            (!agree(shown.trimmed(), &printed)).then(|| {
                let place = format!("{}:{line}", document.path.display());
                let (shown, printed) = (shown.join("\n"), printed.join("\n"));
                format!("{place}: $ {}\n-- shown:\n{shown}\n-- printed:\n{printed}", step.command)
            })
        };
        let mut wrong: Vec<String> = steps.iter().enumerate().filter_map(compare).collect();
        if !ran {
            wrong.push(format!("{}:{line}: the commands took too long", document.path.display()));
        }
        wrong
    }

    fn script(&self, steps: &[Step<'_>], output: impl Fn(usize) -> PathBuf) -> String {
        let mut script = String::new();
        for (number, Step { command, .. }) in steps.iter().enumerate() {
            let (command, output) = (self.with_ports(command), output(number));
            script.push_str(&format!("{{\n{command}\n}} > '{}' 2>&1\n", output.display()));
            if command.ends_with('&') {
                let address = format!("/dev/tcp/127.0.0.1/{}", self.ports[0]);
                script.push_str(&format!("until (exec 3<>{address}) 2> /dev/null; do sleep 0.05; done\n"));
            }
        }
        script.push_str("kill $(jobs -p) 2> /dev/null; wait\n");
        script
    }

    /// Runs a script. False if it did not end in time.
    fn bash(&self, script: &Path) -> bool {
        let program = Path::new(env!("CARGO_BIN_EXE_ramgate")).parent().unwrap();
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(program.to_owned()).chain(std::env::split_paths(&folders));
        let mut bash = Command::new("bash");
        bash.arg(script).current_dir(self.folder.path()).env_clear();
        bash.env("PATH", std::env::join_paths(folders).unwrap());
        bash.env("RAMGATE_LISTEN", format!("127.0.0.1:{}", self.ports[0]));
        let mut bash = bash.spawn().unwrap();
        let began = Instant::now();
        while bash.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                bash.kill().unwrap();
                bash.wait().unwrap();
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

trait Trimmed {
    fn trimmed(&self) -> &Self;
}

impl Trimmed for [&str] {
    /// The lines, without blank ones at the end.
    fn trimmed(&self) -> &Self {
        let end = self.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |at| at + 1);
        &self[..end]
    }
}

/// Whether the printed lines match the lines in the document.
fn agree(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|skipped| agree(rest, &printed[skipped..])),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, others)| matches_line(line, first) && agree(rest, others))
        }
    }
}

/// Whether a printed line matches a line in the document.
fn matches_line(shown: &str, printed: &str) -> bool {
    let Some((first, rest)) = shown.split_once('…') else { return shown == printed };
    let Some(printed) = printed.strip_prefix(first) else { return false };
    printed.char_indices().map(|(at, _)| at).chain([printed.len()]).any(|at| matches_line(rest, &printed[at..]))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn an_ellipsis_matches_text_within_a_line_or_whole_lines() {
    assert!(agree(&["a … d", "…", "z"], &["a b c d", "x", "y", "z"]));
    assert!(agree(&["…"], &[]) && agree(&["a…"], &["a"]) && agree(&[], &[]));
    for (shown, printed) in [("a…", "b"), ("…a", "ab"), ("a", "a b"), ("a … b", "a b")] {
        assert!(!matches_line(shown, printed), "{shown} / {printed}");
    }
    assert!(!agree(&[], &["a"]) && !agree(&["a"], &[]) && !agree(&["…", "b"], &["b", "c"]));
}
