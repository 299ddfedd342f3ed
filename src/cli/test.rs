//! `ramgate test`: decisions that must come out as they are written down.

use std::path::PathBuf;

use clap::Args;

use crate::store::read_case_files;
use crate::suite::{CaseFile, json, run, tap, text};

use super::exit::{Exit, Failure};
use super::output::print_json;

/// Runs case files (`*.cases.json`): what must come of a request under given policies
#[derive(Debug, Args)]
#[command(after_help = "Example: ramgate test decisions.cases.json --format tap")]
pub(super) struct Test {
    /// Case files, or directories that are searched for them
    #[arg(value_name = "PATH", default_value = "policies")]
    paths: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum TestFormat {
    #[default]
    Text,
    Json,
    /// Version 14
    Tap,
}

impl Test {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (mut files, mut complaints) = (Vec::new(), Vec::new());
        for (suite, source) in read_case_files(&self.paths)? {
            match CaseFile::read(&suite, &source) {
                Ok(file) => files.push(file),
                Err(complaint) => complaints.push(complaint),
            }
        }
        if !complaints.is_empty() {
            return Err(complaints.into());
        }
        let runs: Vec<_> = files.iter().map(run).collect();
        match self.format {
            TestFormat::Text => say!("{}", text(&runs)),
            TestFormat::Json => print_json(json(&runs)),
            TestFormat::Tap => say!("{}", tap(&runs)),
        }
        let (broken, failed) = runs.iter().fold((0, 0), |(b, f), run| (b + run.broken(), f + run.failed()));
        Ok(match (broken, failed) {
            (0, 0) => Exit::Yes,
            (0, _) => Exit::No,
            _ => Exit::CouldNotRun,
        })
    }
}
