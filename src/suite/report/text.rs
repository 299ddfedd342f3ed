//! The report for people: one line for each test that did not pass, and a summary.

use std::fmt::Write as _;
use std::time::Duration;

use crate::suite::coverage::{Coverage, Share};
use crate::suite::mutate::{Change, Mutation};
use crate::suite::test_result::{Counts, Outcome, TestResult};

use super::{Listing, Report, plural};

/// Everything but the summary; each line ends with a newline.
pub fn text(report: &Report<'_>) -> String {
    let mut text = String::new();
    for tested in &report.ran.tests {
        if let Some(line) = line(tested) {
            let _ = writeln!(text, "{line}");
        }
    }
    if report.coverage == Listing::Listed {
        uncovered(&mut text, &report.ran.coverage);
    }
    if let Some(mutation) = report.mutation {
        survivors(&mut text, mutation);
    }
    text
}

fn line(tested: &TestResult) -> Option<String> {
    let place = format!("{}:{}", tested.file, tested.at);
    let name = tested.full_name();
    match &tested.outcome {
        Outcome::Pass | Outcome::Skip(_) => None,
        Outcome::Broken(why) => Some(format!("BROKEN {place} {name}: {why}")),
        Outcome::Fail { expected, got, because } => {
            let word = if tested.disputed { "DISPUTED" } else { "FAIL" };
            Some(format!("{word} {place} {name}: expected {expected}, got {got} {because}"))
        }
    }
}

fn uncovered(text: &mut String, coverage: &Coverage) {
    for (file, at, what) in coverage.missing() {
        let _ = writeln!(text, "uncovered {file}:{at} {what}");
    }
    for document in &coverage.unattached {
        let statements = plural(document.statements().len(), "statement");
        let _ = writeln!(text, "unattached {}: `{}` is not attached ({statements})", document.file(), document.name());
    }
}

fn survivors(text: &mut String, mutation: &Mutation) {
    let place = |change: &Change| format!("{}:{} {}", change.file, change.at, change.statement);
    for survivor in &mutation.survivors {
        let change = &survivor.change;
        let _ = writeln!(text, "unnoticed {}: {}; this case would catch it:", place(change), change.what);
        for line in survivor.case.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    if !mutation.equivalent.is_empty() {
        let changes = plural(mutation.equivalent.len(), "change");
        let _ = writeln!(
            text,
            "{changes} not counted: no call distinguishes them from the original (`--format json` lists them)"
        );
    }
}

/// `12 passed, 1 failed in 4 ms; coverage 83% (statements 5 of 6, conditions 5 of 6); mutation score 90% (9 of 10)`.
pub fn summary(report: &Report<'_>) -> String {
    let counts = Counts::of(&report.ran.tests);
    let mut text = format!("{} passed, {} failed", counts.passed, counts.failed);
    for (count, word) in [
        (counts.broken, "broken"),
        (counts.skipped, "skipped"),
        (counts.disputed, "disputed"),
        (report.ran.not_run, "not run"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    let _ = write!(text, " in {}", duration(report.took));
    let coverage = &report.ran.coverage;
    if let Some(percent) = coverage.total().percent() {
        let _ = write!(text, "; coverage {percent}% (statements {}", of(coverage.statements()));
        if coverage.conditions().of > 0 {
            let _ = write!(text, ", sides of conditions {}", of(coverage.conditions()));
        }
        text.push(')');
    }
    if let Some(mutation) = report.mutation {
        match mutation.score().percent() {
            Some(percent) => {
                let _ = write!(
                    text,
                    "; mutation score {percent}% ({} of {})",
                    mutation.score().covered,
                    plural(mutation.score().of, "change")
                );
            }
            None => text.push_str("; every change is equivalent to the original"),
        }
    }
    text
}

fn of(share: Share) -> String {
    format!("{} of {}", share.covered, share.of)
}

fn duration(took: Duration) -> String {
    match took.as_millis() {
        0 => format!("{} µs", took.as_micros()),
        milliseconds @ 1..10_000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}
