//! `ramgate audit`: verifies, searches and summarizes the log.

mod again;
mod filter;
mod log;
mod query;
mod row;
mod show;
mod stats;
mod tail;
mod verify;

use clap::Subcommand;

use super::exit::{Exit, Failure};

/// Verifies the audit log, and answers questions from it
#[derive(Debug, Subcommand)]
#[command(after_help = "Example: ramgate audit verify")]
pub(super) enum Audit {
    Verify(verify::Verify),
    Query(Box<query::Query>),
    Show(show::Show),
    Tail(Box<tail::Tail>),
    Stats(Box<stats::Stats>),
}

impl Audit {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Verify(verify) => verify.run(),
            Self::Query(query) => query.run(),
            Self::Show(show) => show.run(),
            Self::Tail(tail) => tail.run(),
            Self::Stats(stats) => stats.run(),
        }
    }
}
