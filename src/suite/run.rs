//! Runs tests on all cores. The results are in the order of the files, with one outcome for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::pdp::{ActionRequest, Authorization, Question};
use ram_policy::{Grounds, Proof, Verdict};

use super::case::{Case, CaseFile};
use super::cell::{Cell, SuiteCase};
use super::coverage::{Coverage, CoverageMarks};
use super::environment::Environment;
use super::expected::{Actual, Expected, ExpectedVerdict};
use super::filter::{Filter, Filtered};
use super::suite_file::Suite;
use super::test_result::{Outcome, TestResult};

/// A file of tests.
#[derive(Debug)]
pub enum TestFile {
    Suite(Suite),
    Cases(CaseFile),
}

/// How tests are run, and how progress is reported.
#[derive(Clone, Copy)]
pub struct RunOptions<'a> {
    pub filter: &'a Filter,
    /// Whether to stop after the first test that fails.
    pub fail_fast: bool,
    pub threads: usize,
    /// A monotonic clock: the time since a fixed moment.
    pub clock: &'a (dyn Fn() -> Duration + Sync),
    /// Called after each batch with the number of finished tests and the total.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// The results of a test run.
#[derive(Debug, Default)]
pub struct RunResults {
    /// In the order of the files and their cases.
    pub tests: Vec<TestResult>,
    /// The number of selected tests that were not run because of `fail_fast`.
    pub not_run: usize,
    pub coverage: Coverage,
    /// The place of each test in `tests`.
    pub(super) places: Vec<TestPlace>,
}

/// Where a test is: its file, and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TestPlace {
    pub(super) file: usize,
    /// The index among the suite's cells, or among the file's cases.
    pub(super) number: usize,
}

/// The number of tests that a worker takes at a time.
const BATCH: usize = 32;

/// Runs every test that the filter selects.
pub fn run(files: &[TestFile], running: &RunOptions<'_>) -> RunResults {
    let tests = chosen(files, running.filter);
    let environments = environments(files);
    let (next, done, first_failure) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let worker = || {
        let mut all_marks: Vec<CoverageMarks> =
            environments.iter().map(|environment| CoverageMarks::new(environment)).collect();
        let mut found = Vec::new();
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(share) = tests.get(start..).filter(|rest| !rest.is_empty()) else { break };
            for (number, at) in (start..).zip(share.iter().take(BATCH)) {
                if running.fail_fast && number > first_failure.load(Ordering::Relaxed) {
                    continue;
                }
                let began = (running.clock)();
                let mut tested = test(&files[at.file], at.number, &environments, &mut all_marks);
                tested.took = (running.clock)().saturating_sub(began);
                if tested.failed() {
                    first_failure.fetch_min(number, Ordering::Relaxed);
                }
                found.push((number, tested));
            }
            let so_far = done.fetch_add(share.len().min(BATCH), Ordering::Relaxed) + share.len().min(BATCH);
            (running.progress)(so_far, tests.len());
        }
        (found, all_marks)
    };
    let threads = running.threads.clamp(1, tests.len().div_ceil(BATCH).max(1));
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let own = worker();
        let others = workers.into_iter().map(|worker| worker.join().expect("a test does not panic"));
        others.chain([own]).collect()
    });
    gather(&tests, &environments, results, running.fail_fast)
}

/// The results of one thread: tests by their number, and coverage for each directory.
type Found = (Vec<(usize, TestResult)>, Vec<CoverageMarks>);

fn gather(tests: &[TestPlace], environments: &[&Environment], results: Vec<Found>, fail_fast: bool) -> RunResults {
    let (mut found, mut all_marks) = (Vec::with_capacity(tests.len()), Vec::<CoverageMarks>::new());
    for (tested, seen) in results {
        found.extend(tested);
        match all_marks.is_empty() {
            true => all_marks = seen,
            false => all_marks.iter_mut().zip(&seen).for_each(|(marks, seen)| marks.merge(seen)),
        }
    }
    found.sort_unstable_by_key(|(number, _)| *number);
    let end = found.iter().position(|(_, tested)| fail_fast && tested.failed()).map_or(found.len(), |at| at + 1);
    found.truncate(end);
    let mut ran = RunResults { not_run: tests.len() - found.len(), ..RunResults::default() };
    for (environment, marks) in environments.iter().zip(&all_marks) {
        ran.coverage.extend(marks.coverage(environment));
    }
    for (number, tested) in found {
        ran.places.push(tests[number]);
        ran.tests.push(tested);
    }
    ran
}

impl RunResults {
    /// Every test with its place.
    pub(super) fn placed(&self) -> impl Iterator<Item = (TestPlace, &TestResult)> {
        self.places.iter().copied().zip(&self.tests)
    }
}

/// The directories that suites are judged in, each once.
pub(super) fn environments(files: &[TestFile]) -> Vec<&Environment> {
    let mut environments: Vec<&Environment> = Vec::new();
    for file in files {
        if let TestFile::Suite(suite) = file
            && !environments.iter().any(|environment| std::ptr::eq(*environment, &*suite.environment))
        {
            environments.push(&suite.environment);
        }
    }
    environments
}

fn chosen(files: &[TestFile], filter: &Filter) -> Vec<TestPlace> {
    let mut chosen = Vec::new();
    for (file, tests) in files.iter().enumerate() {
        let takes = |number: usize| match tests {
            _ if filter.is_empty() => true,
            TestFile::Suite(suite) => filter.takes(&suite.filtered(number)),
            TestFile::Cases(cases) => filter.takes(&cases.cases[number].filtered(&cases.suite)),
        };
        let all = match tests {
            TestFile::Suite(suite) => suite.cells.len(),
            TestFile::Cases(cases) => cases.cases.len(),
        };
        chosen.extend((0..all).filter(|number| takes(*number)).map(|number| TestPlace { file, number }));
    }
    chosen
}

fn test(file: &TestFile, number: usize, environments: &[&Environment], all_marks: &mut [CoverageMarks]) -> TestResult {
    match file {
        TestFile::Cases(cases) => cases.test(number),
        TestFile::Suite(suite) => {
            let cell = &suite.cells[number];
            let case = &suite.cases[cell.case];
            let outcome = match &case.skip {
                Some(reason) => Outcome::Skip(reason.clone()),
                None => {
                    let at =
                        environments.iter().position(|environment| std::ptr::eq(*environment, &*suite.environment));
                    if let (Some(at), Ok(question)) = (at, &cell.call) {
                        all_marks[at].add(&suite.environment, question);
                    }
                    suite.judge(case, cell)
                }
            };
            TestResult {
                suite: suite.name.as_str().into(),
                name: case.name_of(cell),
                file: suite.source.name().into(),
                at: case.position,
                outcome,
                disputed: false,
                took: Duration::ZERO,
            }
        }
    }
}

impl Suite {
    fn filtered(&self, number: usize) -> Filtered<'_> {
        let cell = &self.cells[number];
        Filtered {
            suite: &self.name,
            name: &self.cases[cell.case].name,
            principal: cell.axes.principal().into(),
            eni: cell.axes.eni().unwrap_or_default(),
            instance: cell.axes.instance().unwrap_or_default(),
        }
    }

    /// The authorization that the gateway would make for such a call.
    pub(super) fn authorization(&self, question: &Question<ActionRequest>) -> Authorization<ActionRequest> {
        self.environment.pdp.decide(question.clone())
    }

    fn judge(&self, case: &SuiteCase, cell: &Cell) -> Outcome {
        match &cell.call {
            Err(refused) => outcome(&cell.expected, &Actual::Refused(&refused.answer), || {
                format!("{} {}: {}", refused.answer.status, refused.answer.code, refused.answer.message)
            }),
            Ok(question) => {
                let authorization = self.authorization(question);
                let request = question.request();
                let got =
                    Actual::Judged { decision: authorization.decision(), request: &request, denial: &case.denial };
                outcome(&cell.expected, &got, || because(&authorization.proof(), &cell.expected))
            }
        }
    }
}

fn outcome(expected: &Expected, got: &Actual<'_>, because: impl Fn() -> String) -> Outcome {
    match expected.difference(got) {
        None => Outcome::Pass,
        Some(difference) => Outcome::Fail { expected: difference.expected, got: difference.got, because: because() },
    }
}

/// The explanation that follows the verdict.
fn because(proof: &Proof<'_>, expected: &Expected) -> String {
    let reason = reason(proof);
    if proof.verdict() != Verdict::Allow || matches!(expected.word, ExpectedVerdict::Allow | ExpectedVerdict::Refused) {
        return reason;
    }
    match proof.nearest_deny() {
        Some(deny) => format!("{reason}; the nearest Deny: {deny}"),
        None => format!("{reason}; no Deny is attached"),
    }
}

/// The summary of a proof without the verdict at its head: `on ARN: no statement allows it; nearest: …`,
/// `by terway#0 (…)`.
pub(super) fn reason(proof: &Proof<'_>) -> String {
    let verdict = proof.verdict();
    let summary = proof.summary().to_string();
    let reason = summary.strip_prefix(&verdict.to_string()).unwrap_or(&summary).trim_start_matches([':', ' ']);
    if verdict != Verdict::Allow {
        reason.to_owned()
    } else if proof.resources().iter().all(|resource| resource.judged.grounds == Grounds::Ownership) {
        format!("because {reason}")
    } else {
        format!("by {reason}")
    }
}

impl CaseFile {
    fn test(&self, number: usize) -> TestResult {
        let case = &self.cases[number];
        TestResult {
            suite: self.suite.as_str().into(),
            name: case.name.clone(),
            file: Arc::clone(&self.file),
            at: self.positions[number],
            outcome: case.run(),
            disputed: case.disputed,
            took: Duration::ZERO,
        }
    }
}

impl Case {
    fn filtered<'a>(&'a self, suite: &'a str) -> Filtered<'a> {
        let principal = self.request.written_principal().into();
        Filtered { suite, name: &self.name, principal, eni: "", instance: "" }
    }
}

impl std::fmt::Debug for RunOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions")
            .field("filter", self.filter)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
