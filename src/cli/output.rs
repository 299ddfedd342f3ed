//! Text for people, or JSON for programs.

use std::fmt;
use std::io::{ErrorKind, Write, stderr, stdout};

use serde::Serialize;
use serde_json::{Value, json};

use crate::envelope::json_lines;
use ram_policy::StatementRef;

/// `println!` without its panic when nobody reads.
macro_rules! say {
    ($($line:tt)*) => { $crate::cli::output::write_out(format_args!($($line)*)) };
}

/// `eprintln!` without its panic when nobody reads.
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

/// Which statement is meant.
pub(super) fn statement_json(at: StatementRef<'_>) -> Value {
    json!({
        "policy": at.document.name(), "statement": at.statement.index(), "sid": at.statement.sid(),
        "file": at.document.file(), "line": at.statement.line(),
    })
}

/// A reader that left, as `| head` does, changes nothing about the verdict. An answer that cannot be written at all
/// must not pass for one that was.
pub(super) fn write_out(line: fmt::Arguments<'_>) {
    let Err(error) = writeln!(stdout().lock(), "{line}") else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        tell!("error: standard output cannot be written: {error}");
        std::process::exit(2);
    }
}

pub(super) fn write_err(line: fmt::Arguments<'_>) {
    // There is nowhere left to complain to.
    let _ = writeln!(stderr().lock(), "{line}");
}
