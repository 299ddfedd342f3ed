//! Annotations for GitHub Actions: failures at lines of suites, missing coverage at lines of policies.

use crate::suite::test_result::{Outcome, TestResult};
use crate::text::annotation;
use ram_policy::Severity;

use super::{Listing, Report, summary};

/// One line for each annotation, and the summary as plain text.
pub fn github(report: &Report<'_>) -> String {
    let mut lines: Vec<String> = report.ran.tests.iter().filter_map(line).collect();
    if report.coverage == Listing::Listed {
        for (file, at, what) in report.ran.coverage.missing() {
            lines.push(annotation(Severity::Warning, &file, at, "not covered", &what));
        }
    }
    for survivor in report.mutation.iter().flat_map(|mutation| &mutation.survivors) {
        let change = &survivor.change;
        let message = format!("{}: {}; this case would catch it:\n{}", change.statement, change.what, survivor.case);
        lines.push(annotation(Severity::Warning, &change.file, change.at, "change not noticed", &message));
    }
    lines.push(summary(report));
    lines.join("\n")
}

fn line(tested: &TestResult) -> Option<String> {
    let (severity, message) = match &tested.outcome {
        Outcome::Pass | Outcome::Skip(_) => return None,
        Outcome::Broken(why) => (Severity::Error, why.clone()),
        Outcome::Fail { expected, got, because } => {
            let severity = if tested.disputed { Severity::Note } else { Severity::Error };
            (severity, format!("expected {expected}, got {got} {because}"))
        }
    };
    Some(annotation(severity, &tested.file, tested.at, &tested.full_name(), &message))
}
