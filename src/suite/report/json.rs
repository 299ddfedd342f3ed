//! The report for programs: one JSON document.

use serde_json::{Value, json};

use crate::suite::coverage::{Coverage, Share};
use crate::suite::mutate::{Change, Mutation, Survivor};
use crate::suite::test_result::{Counts, Outcome, TestResult};
use ram_policy::Position;

use super::Report;

/// Every test, the counts, the coverage, and the results of mutation testing, if it was requested.
pub fn json(report: &Report<'_>) -> Value {
    let counts = Counts::of(&report.ran.tests);
    json!({
        "cases": report.ran.tests.iter().map(case).collect::<Vec<_>>(),
        "total": counts.total(), "passed": counts.passed, "failed": counts.failed, "broken": counts.broken,
        "skipped": counts.skipped, "disputed": counts.disputed, "not_run": report.ran.not_run,
        "microseconds": microseconds(report.took),
        "coverage": coverage(&report.ran.coverage),
        "mutation": report.mutation.map(mutation),
    })
}

fn case(tested: &TestResult) -> Value {
    let (word, expected, got, because) = match &tested.outcome {
        Outcome::Pass => ("pass", None, None, None),
        Outcome::Fail { expected, got, because } => ("fail", Some(expected), Some(got), Some(because)),
        Outcome::Skip(why) => ("skip", None, None, Some(why)),
        Outcome::Broken(why) => ("broken", None, None, Some(why)),
    };
    json!({
        "suite": &*tested.suite, "name": tested.name, "outcome": word, "disputed": tested.disputed,
        "file": &*tested.file, "line": tested.at.line, "column": tested.at.column,
        "expected": expected, "got": got, "because": because, "microseconds": microseconds(tested.took),
    })
}

fn coverage(coverage: &Coverage) -> Value {
    let missing = coverage.missing().into_iter().map(
        |(file, Position { line, column }, what)| json!({ "file": file, "line": line, "column": column, "what": what }),
    );
    let unattached = coverage.unattached.iter().map(|document| {
        json!({ "policy": document.name(), "file": document.file(), "statements": document.statements().len() })
    });
    json!({
        "percent": coverage.total().percent(),
        "statements": share(coverage.statements()), "condition_sides": share(coverage.conditions()),
        "missing": missing.collect::<Vec<_>>(), "unattached": unattached.collect::<Vec<_>>(),
    })
}

fn mutation(mutation: &Mutation) -> Value {
    let survivor = |survivor: &Survivor| {
        let mut value = change(&survivor.change);
        value["case"] = survivor.case.as_str().into();
        value
    };
    json!({
        "percent": mutation.score().percent(), "noticed": mutation.killed,
        "unnoticed": mutation.survivors.iter().map(survivor).collect::<Vec<_>>(),
        "no_difference": mutation.equivalent.iter().map(change).collect::<Vec<_>>(),
    })
}

fn change(change: &Change) -> Value {
    json!({
        "file": change.file, "line": change.at.line, "column": change.at.column,
        "statement": change.statement, "change": change.what,
    })
}

fn share(share: Share) -> Value {
    json!({ "covered": share.covered, "of": share.of })
}

fn microseconds(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
