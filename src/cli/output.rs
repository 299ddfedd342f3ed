//! Output as text for people or as JSON for programs.

use std::fmt;
use std::io::{ErrorKind, Write, stderr, stdout};

use serde::Serialize;
use serde_json::{Value, json};

use crate::envelope::json_lines;
use ram_policy::StatementRef;

/// Like `println!`, but does not panic if the reader has closed the pipe.
macro_rules! say {
    ($($line:tt)*) => { $crate::cli::output::write_out(format_args!($($line)*)) };
}

/// Like `eprintln!`, but does not panic if standard error cannot be written.
macro_rules! tell {
    ($($line:tt)*) => { $crate::cli::output::write_err(format_args!($($line)*)) };
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OutputFormat {
    #[default]
    Text,
    Json,
}

/// `1 attempt`, `2 attempts`
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Prints a value as one JSON document that carries `"schema": 1`.
pub(super) fn print_json(value: impl Serialize) {
    say!("{}", json_document(value));
}

/// A value as one JSON document that carries `"schema": 1`.
pub(super) fn json_document(value: impl Serialize) -> String {
    let mut document = json!({ "schema": 1 });
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    match (&mut document, value) {
        (Value::Object(document), Value::Object(members)) => document.extend(members),
        (document, other) => document["value"] = other,
    }
    json_lines(&document)
}

/// The location of a statement: policy, index, Sid, file and line.
pub(super) fn statement_json(at: StatementRef<'_>) -> Value {
    json!({
        "policy": at.document.name(), "statement": at.statement.index(), "sid": at.statement.sid(),
        "file": at.document.file(), "line": at.statement.line(),
    })
}

/// A closed pipe, as with `| head`, does not change the exit status. Any other write error ends the process with status
/// 2: a caller that checks only the status must not mistake lost output for a verdict.
pub(super) fn write_out(line: fmt::Arguments<'_>) {
    let Err(error) = writeln!(stdout().lock(), "{line}") else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        tell!("error: standard output cannot be written: {error}");
        std::process::exit(2);
    }
}

pub(super) fn write_err(line: fmt::Arguments<'_>) {
    // If standard error fails, there is no other place to report it.
    let _ = writeln!(stderr().lock(), "{line}");
}
