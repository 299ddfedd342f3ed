//! The result of one test: a cell of a suite, or a case of a case file.

use std::sync::Arc;
use std::time::Duration;

use ram_policy::Position;

/// The outcome of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail {
        expected: String,
        got: String,
        /// The deciding statements, the nearest miss, or the error in a document.
        because: String,
    },
    /// Not run; the reason.
    Skip(String),
    /// The case itself is invalid; the reason.
    Broken(String),
}

/// One test and its outcome.
#[derive(Clone, Debug)]
pub struct TestResult {
    pub suite: Arc<str>,
    pub name: String,
    /// The file of the test.
    pub file: Arc<str>,
    pub at: Position,
    pub outcome: Outcome,
    /// Public evidence conflicts, so a different result is not a failure.
    pub disputed: bool,
    pub took: Duration,
}

/// The number of tests with each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub broken: usize,
    /// Disputed tests with a different result.
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

    /// The number of tests that were not skipped.
    pub fn run(&self) -> usize {
        self.total() - self.skipped
    }
}
