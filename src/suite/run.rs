//! Running tests: over all cores, in one order, each with exactly one outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::pdp::{Asked, Question, Ruling};
use crate::policy::{Grounds, Proof, Verdict};

use super::case::{Case, CaseFile};
use super::cell::{Cell, SuiteCase};
use super::coverage::{Coverage, Tally};
use super::expected::{Expected, Got, Word};
use super::filter::{Filter, Filtered};
use super::suite_file::Suite;
use super::tested::{Outcome, Tested};
use super::world::World;

/// A file of tests.
#[derive(Debug)]
pub enum TestFile {
    Suite(Suite),
    Cases(CaseFile),
}

/// How tests are run, and who is told of it.
#[derive(Clone, Copy)]
pub struct Running<'a> {
    pub filter: &'a Filter,
    /// Whether nothing is run after the first test that failed.
    pub fail_fast: bool,
    pub threads: usize,
    /// The time since some beginning.
    pub clock: &'a (dyn Fn() -> Duration + Sync),
    /// Told now and then how many tests are done, of how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// What became of all tests.
#[derive(Debug, Default)]
pub struct Ran {
    /// In the order of the files and their cases.
    pub tests: Vec<Tested>,
    /// Those that the filter takes and that were not run after a failure.
    pub not_run: usize,
    pub coverage: Coverage,
    /// Where each of them is.
    pub(super) places: Vec<At>,
}

/// A test by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) file: usize,
    /// Of the suite's cells, or of the file's cases.
    pub(super) number: usize,
}

/// Each worker takes so many tests at a time.
const SHARE: usize = 32;

/// Runs every test that the filter takes.
pub fn run(files: &[TestFile], running: &Running<'_>) -> Ran {
    let tests = chosen(files, running.filter);
    let worlds = worlds(files);
    let (next, done, first_failure) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let worker = || {
        let mut tallies: Vec<Tally> = worlds.iter().map(|world| Tally::new(world)).collect();
        let mut found = Vec::new();
        loop {
            let start = next.fetch_add(SHARE, Ordering::Relaxed);
            let Some(share) = tests.get(start..).filter(|rest| !rest.is_empty()) else { break };
            for (number, at) in (start..).zip(share.iter().take(SHARE)) {
                if running.fail_fast && number > first_failure.load(Ordering::Relaxed) {
                    continue;
                }
                let began = (running.clock)();
                let mut tested = test(&files[at.file], at.number, &worlds, &mut tallies);
                tested.took = (running.clock)().saturating_sub(began);
                if tested.failed() {
                    first_failure.fetch_min(number, Ordering::Relaxed);
                }
                found.push((number, tested));
            }
            let so_far = done.fetch_add(share.len().min(SHARE), Ordering::Relaxed) + share.len().min(SHARE);
            (running.progress)(so_far, tests.len());
        }
        (found, tallies)
    };
    let threads = running.threads.clamp(1, tests.len().div_ceil(SHARE).max(1));
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let own = worker();
        let others = workers.into_iter().map(|worker| worker.join().expect("a test does not panic"));
        others.chain([own]).collect()
    });
    gather(&tests, &worlds, results, running.fail_fast)
}

/// What one thread found: tests by their number, and what they put to use in each directory.
type Found = (Vec<(usize, Tested)>, Vec<Tally>);

fn gather(tests: &[At], worlds: &[&World], results: Vec<Found>, fail_fast: bool) -> Ran {
    let (mut found, mut tallies) = (Vec::with_capacity(tests.len()), Vec::<Tally>::new());
    for (tested, seen) in results {
        found.extend(tested);
        match tallies.is_empty() {
            true => tallies = seen,
            false => tallies.iter_mut().zip(&seen).for_each(|(tally, seen)| tally.merge(seen)),
        }
    }
    found.sort_unstable_by_key(|(number, _)| *number);
    let end = found.iter().position(|(_, tested)| fail_fast && tested.failed()).map_or(found.len(), |at| at + 1);
    found.truncate(end);
    let mut ran = Ran { not_run: tests.len() - found.len(), ..Ran::default() };
    for (world, tally) in worlds.iter().zip(&tallies) {
        ran.coverage.extend(tally.coverage(world));
    }
    for (number, tested) in found {
        ran.places.push(tests[number]);
        ran.tests.push(tested);
    }
    ran
}

impl Ran {
    /// Every test with its place.
    pub(super) fn placed(&self) -> impl Iterator<Item = (At, &Tested)> {
        self.places.iter().copied().zip(&self.tests)
    }
}

/// Every directory that some suite is judged in, once.
pub(super) fn worlds(files: &[TestFile]) -> Vec<&World> {
    let mut worlds: Vec<&World> = Vec::new();
    for file in files {
        if let TestFile::Suite(suite) = file
            && !worlds.iter().any(|world| std::ptr::eq(*world, &*suite.world))
        {
            worlds.push(&suite.world);
        }
    }
    worlds
}

fn chosen(files: &[TestFile], filter: &Filter) -> Vec<At> {
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
        chosen.extend((0..all).filter(|number| takes(*number)).map(|number| At { file, number }));
    }
    chosen
}

fn test(file: &TestFile, number: usize, worlds: &[&World], tallies: &mut [Tally]) -> Tested {
    match file {
        TestFile::Cases(cases) => cases.test(number),
        TestFile::Suite(suite) => {
            let cell = &suite.cells[number];
            let case = &suite.cases[cell.case];
            let outcome = match &case.skip {
                Some(reason) => Outcome::Skip(reason.clone()),
                None => {
                    let at = worlds.iter().position(|world| std::ptr::eq(*world, &*suite.world));
                    if let (Some(at), Ok(question)) = (at, &cell.asked) {
                        tallies[at].add(&suite.world, question);
                    }
                    suite.judge(case, cell)
                }
            };
            Tested {
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

    /// Exactly what the gateway does with such a call.
    pub(super) fn ruling(&self, question: &Question<Asked>) -> Ruling<Asked> {
        self.world.pdp.decide(question.clone())
    }

    fn judge(&self, case: &SuiteCase, cell: &Cell) -> Outcome {
        match &cell.asked {
            Err(unasked) => outcome(&cell.expected, &Got::Refused(&unasked.answer), || {
                format!("{} {}: {}", unasked.answer.status, unasked.answer.code, unasked.answer.message)
            }),
            Ok(question) => {
                let ruling = self.ruling(question);
                let request = question.request();
                let got = Got::Judged { decision: ruling.decision(), request: &request, denial: &case.denial };
                outcome(&cell.expected, &got, || because(&ruling.proof(), &cell.expected))
            }
        }
    }
}

fn outcome(expected: &Expected, got: &Got<'_>, because: impl Fn() -> String) -> Outcome {
    match expected.difference(got) {
        None => Outcome::Pass,
        Some(difference) => Outcome::Fail { expected: difference.expected, got: difference.got, because: because() },
    }
}

/// What is to be said after the verdict.
fn because(proof: &Proof<'_>, expected: &Expected) -> String {
    let reason = reason(proof);
    if proof.verdict() != Verdict::Allow || matches!(expected.word, Word::Allow | Word::Refused) {
        return reason;
    }
    match proof.nearest_deny() {
        Some(deny) => format!("{reason}; the Deny that came nearest: {deny}"),
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
    fn test(&self, number: usize) -> Tested {
        let case = &self.cases[number];
        Tested {
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

impl std::fmt::Debug for Running<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("filter", self.filter).field("threads", &self.threads).finish_non_exhaustive()
    }
}
