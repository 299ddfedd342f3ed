//! Test reports, for people and for programs.

mod github;
mod json;
mod junit;
mod tap;
mod text;

use std::time::Duration;

use super::mutate::Mutation;
use super::run::RunResults;

pub use github::github;
pub use json::json;
pub use junit::{JunitRun, junit};
pub use tap::tap;
pub use text::{summary, text};

/// The input of a report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub ran: &'a RunResults,
    /// How long the tests took.
    pub took: Duration,
    /// Whether missing coverage is listed, or only counted.
    pub coverage: Listing,
    /// The result of mutation testing, if it was requested.
    pub mutation: Option<&'a Mutation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Counted,
    Listed,
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
