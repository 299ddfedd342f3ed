//! `ramgate audit query`: lists the attempts that match a filter.

use std::collections::VecDeque;

use clap::Args;
use serde_json::{Value, json};

use crate::audit::read::Attempt;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::print_json;

use super::filter::FilterArgs;
use super::log::LogArgs;
use super::row::{COLUMNS, cells, json, text};
use crate::cli::plain::csv_row;

/// Lists attempts, each once, with the decision and the answer to the caller
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 attempts were found, 1 none were found, 2 could not run.

Example: ramgate audit query --since 2h --verdict deny --principal role/terway --format csv")]
pub(in crate::cli) struct Query {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    log: LogArgs,
    /// Show only the last N attempts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    Csv,
}

impl Query {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        // With `--limit`, and for JSON, attempts are collected first; otherwise they are printed as they are read.
        let mut held: VecDeque<Attempt> = VecDeque::new();
        let mut found = 0_u64;
        if self.format == Format::Csv {
            say!("{}", csv_row(COLUMNS));
        }
        self.log.each(|attempt| {
            if !self.filter.takes(&attempt) {
                return;
            }
            found += 1;
            if self.limit.is_none() && self.format != Format::Json {
                return self.print(&attempt);
            }
            held.push_back(attempt);
            if self.limit.is_some_and(|limit| held.len() > limit as usize) {
                held.pop_front();
            }
        })?;
        match self.format {
            Format::Json => {
                let attempts: Vec<Value> = held.iter().map(json).collect();
                print_json(json!({ "found": found, "attempts": attempts }));
            }
            Format::Text | Format::Csv => held.iter().for_each(|attempt| self.print(attempt)),
        }
        Ok(if found > 0 { Exit::Yes } else { Exit::No })
    }

    fn print(&self, attempt: &Attempt) {
        match self.format {
            Format::Csv => say!("{}", csv_row(cells(attempt))),
            Format::Text | Format::Json => say!("{}", text(attempt)),
        }
    }
}
