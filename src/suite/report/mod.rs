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

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub ran: &'a RunResults,
    /// How long the tests took.
    pub took: Duration,
    /// Whether what no test exercised is listed, or only counted.
    pub coverage: Listing,
    /// Where policies were mutated.
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
