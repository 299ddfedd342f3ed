//! What became of the cases: for a person, as JSON, and as TAP 14.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::run::{Outcome, Run};

/// Quiet about what passed; a line for each case that did not, and a summary.
pub fn text(runs: &[Run<'_>]) -> String {
    let mut text = String::new();
    for (run, case, outcome) in cases(runs) {
        let name = format!("{} / {}", run.file.suite, case.name);
        let _ = match outcome {
            Outcome::Pass => Ok(()),
            Outcome::Fail { expected, got, because } => {
                let word = if case.disputed { "DISPUTED" } else { "FAIL" };
                writeln!(text, "{word} {name}\n  expected {expected}, got {got}\n  because {because}")
            }
            Outcome::Broken(why) => writeln!(text, "BROKEN {name}\n  {why}"),
        };
    }
    let (total, failed, broken, disputed) = counts(runs);
    let passed = total - failed - broken - disputed;
    let _ = write!(text, "{passed} passed, {failed} failed");
    for (count, word) in [(broken, "broken"), (disputed, "disputed")] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

pub fn json(runs: &[Run<'_>]) -> Value {
    let (total, failed, broken, disputed) = counts(runs);
    let case = |(run, case, outcome): (&Run<'_>, &super::case::Case, &Outcome)| {
        let (word, expected, got, because) = match outcome {
            Outcome::Pass => ("pass", None, None, None),
            Outcome::Fail { expected, got, because } => ("fail", Some(expected), Some(got), Some(because)),
            Outcome::Broken(why) => ("broken", None, None, Some(why)),
        };
        json!({
            "suite": run.file.suite, "name": case.name, "outcome": word, "disputed": case.disputed,
            "expected": expected, "got": got, "because": because,
        })
    };
    json!({
        "cases": cases(runs).map(case).collect::<Vec<_>>(),
        "total": total, "passed": total - failed - broken - disputed,
        "failed": failed, "broken": broken, "disputed": disputed,
    })
}

/// TAP version 14. A disputed case is a `# TODO`.
pub fn tap(runs: &[Run<'_>]) -> String {
    let (total, ..) = counts(runs);
    let mut tap = format!("TAP version 14\n1..{total}");
    for (number, (run, case, outcome)) in cases(runs).enumerate() {
        let ok = if *outcome == Outcome::Pass { "ok" } else { "not ok" };
        let name = escaped(&format!("{} / {}", run.file.suite, case.name));
        let todo = if case.disputed { " # TODO public evidence conflicts" } else { "" };
        let _ = write!(tap, "\n{ok} {} - {name}{todo}", number + 1);
        let lines = match outcome {
            Outcome::Pass => vec![],
            Outcome::Fail { expected, got, because } => {
                vec![("expected", expected), ("got", got), ("because", because)]
            }
            Outcome::Broken(why) => vec![("broken", why)],
        };
        if !lines.is_empty() {
            tap.push_str("\n  ---");
            for (key, value) in lines {
                let _ = write!(tap, "\n  {key}: {}", Value::from(value.as_str()));
            }
            tap.push_str("\n  ...");
        }
    }
    tap
}

/// A `#` begins a directive, and a backslash escapes.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('#', "\\#")
}

fn cases<'a>(runs: &'a [Run<'a>]) -> impl Iterator<Item = (&'a Run<'a>, &'a super::case::Case, &'a Outcome)> {
    runs.iter().flat_map(|run| run.iter().map(move |(case, outcome)| (run, case, outcome)))
}

/// All, failed, broken, and disputed ones that got another answer.
fn counts(runs: &[Run<'_>]) -> (usize, usize, usize, usize) {
    let total = runs.iter().map(|run| run.outcomes.len()).sum();
    let disputed = cases(runs).filter(|(_, case, outcome)| case.disputed && matches!(outcome, Outcome::Fail { .. }));
    let (failed, broken) = (runs.iter().map(Run::failed).sum(), runs.iter().map(Run::broken).sum());
    (total, failed, broken, disputed.count())
}
