//! The report in TAP version 14.

use std::fmt::Write as _;

use crate::envelope::json_text;
use crate::suite::test_result::{Outcome, TestResult};
use crate::text::plain;

use super::{Report, summary};

/// A disputed case is a `# TODO`, a skipped one a `# SKIP`; the summary is a comment.
pub fn tap(report: &Report<'_>) -> String {
    let tests = &report.ran.tests;
    let mut tap = format!("TAP version 14\n1..{}", tests.len());
    for (number, tested) in (1..).zip(tests) {
        point(&mut tap, number, tested);
    }
    let _ = write!(tap, "\n# {}", summary(report));
    tap
}

fn point(tap: &mut String, number: usize, tested: &TestResult) {
    let ok = if matches!(tested.outcome, Outcome::Pass | Outcome::Skip(_)) { "ok" } else { "not ok" };
    let _ = write!(tap, "\n{ok} {number} - {}", escaped(&tested.full_name()));
    if let Outcome::Skip(reason) = &tested.outcome {
        let _ = write!(tap, " # SKIP {}", escaped(&reason.replace(['\n', '\r'], " ")));
    } else if tested.disputed {
        tap.push_str(" # TODO public evidence conflicts");
    }
    let lines = match &tested.outcome {
        Outcome::Pass | Outcome::Skip(_) => return,
        Outcome::Fail { expected, got, because } => vec![("expected", expected), ("got", got), ("because", because)],
        Outcome::Broken(why) => vec![("broken", why)],
    };
    tap.push_str("\n  ---");
    for (key, value) in lines {
        let _ = write!(tap, "\n  {key}: {}", json_text(value));
    }
    let _ = write!(tap, "\n  at: {}\n  ...", json_text(&format!("{}:{}", tested.file, tested.at)));
}

/// Escapes `#`, which begins a directive, and the backslash, which escapes.
fn escaped(name: &str) -> String {
    plain(&name.replace('\\', "\\\\").replace('#', "\\#"))
}
