//! Findings as annotations of GitHub Actions, beside the lines of a pull request.

use crate::source::annotation;

use super::finding::Finding;

/// One line a finding; what is ignored is left out.
pub fn github(findings: &[Finding]) -> String {
    let lines = findings.iter().filter(|finding| finding.ignored.is_none()).map(line);
    lines.collect::<Vec<_>>().join("\n")
}

fn line(finding: &Finding) -> String {
    let at = finding.source.position(finding.span.start);
    let message = format!("{}; {}", finding.title, finding.help);
    annotation(finding.severity, finding.source.name(), at, finding.rule.id, &message)
}
