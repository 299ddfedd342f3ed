//! What became of one test: of a cell of a suite, or of a case of a case file.

use std::sync::Arc;
use std::time::Duration;

use ram_policy::Position;

/// Exactly one of four.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail {
        expected: String,
        got: String,
        /// The deciding statements, or the nearest miss, or what is wrong with a document.
        because: String,
    },
    /// Not run, and why.
    Skip(String),
    /// The case itself is invalid.
    Broken(String),
}

/// One test and its outcome.
#[derive(Clone, Debug)]
pub struct TestResult {
    pub suite: Arc<str>,
    pub name: String,
    /// The file it is written in, and where there.
    pub file: Arc<str>,
    pub at: Position,
    pub outcome: Outcome,
    /// Public evidence conflicts, so a different result is not a failure.
    pub disputed: bool,
    pub took: Duration,
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub broken: usize,
    /// Disputed ones that got another answer.
    pub disputed: usize,
}

impl TestResult {
    pub fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Fail { .. }) && !self.disputed
    }

    /// `SUITE / NAME`.
    pub fn full_name(&self) -> String {
        format!("{} / {}", self.suite, self.name)
    }
}

impl Counts {
    pub fn of<'t>(tests: impl IntoIterator<Item = &'t TestResult>) -> Self {
        let mut counts = Self::default();
        for tested in tests {
            let count = match &tested.outcome {
                Outcome::Pass => &mut counts.passed,
                Outcome::Fail { .. } if tested.disputed => &mut counts.disputed,
                Outcome::Fail { .. } => &mut counts.failed,
                Outcome::Skip(_) => &mut counts.skipped,
                Outcome::Broken(_) => &mut counts.broken,
            };
            *count += 1;
        }
        counts
    }

    pub fn total(&self) -> usize {
        self.passed + self.failed + self.skipped + self.broken + self.disputed
    }

    /// Those that were judged.
    pub fn run(&self) -> usize {
        self.total() - self.skipped
    }
}
