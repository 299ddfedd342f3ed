//! `ramgate check`: load everything, run nothing.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::source::Complaint;
use crate::store::{Loaded, load_directories};

use super::diagnostic;
use super::exit::{Exit, Failure};
use super::output::{OutputFormat, print_json};

/// Loads policy directories and reports every error, without running anything
#[derive(Debug, Args)]
#[command(after_help = "Example: ramgate check policies")]
pub(super) struct Check {
    /// Policy directories, one account each
    #[arg(default_value = "policies")]
    directories: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let loaded = load_directories(&self.directories);
        match (self.format, loaded) {
            (OutputFormat::Json, Ok(loaded)) => {
                let complaints: Vec<_> = loaded.warnings.iter().map(describe).collect();
                print_json(json!({
                    "ok": true,
                    "documents": loaded.documents,
                    "statements": loaded.statements,
                    "principals": loaded.directory.principals().count(),
                    "revision": loaded.directory.revision(),
                    "complaints": complaints,
                }));
                Ok(Exit::Yes)
            }
            (OutputFormat::Json, Err(complaints)) => {
                print_json(json!({ "ok": false, "complaints": complaints.iter().map(describe).collect::<Vec<_>>() }));
                Ok(Exit::CouldNotRun)
            }
            (OutputFormat::Text, Ok(loaded)) => {
                summarize(&loaded);
                Ok(Exit::Yes)
            }
            (OutputFormat::Text, Err(complaints)) => Err(complaints.into()),
        }
    }
}

fn summarize(loaded: &Loaded) {
    diagnostic::print(&loaded.warnings);
    let principals = loaded.directory.principals().count();
    say!(
        "ok: {} documents with {} statements, {principals} principals, {} warnings",
        loaded.documents,
        loaded.statements,
        loaded.warnings.len(),
    );
    say!("revision {}", loaded.directory.revision());
}

fn describe(complaint: &Complaint) -> Value {
    let position = complaint.position();
    json!({
        "severity": if complaint.is_error() { "error" } else { "warning" },
        "file": complaint.source.name(),
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
        "title": complaint.title,
        "help": complaint.help,
    })
}
