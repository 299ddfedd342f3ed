//! Findings as workflow commands of GitHub Actions: annotations beside the lines of a pull request.

use crate::source::Severity;

use super::finding::Finding;

/// One line a finding; what is ignored is left out.
pub fn github(findings: &[Finding]) -> String {
    let lines = findings.iter().filter(|finding| finding.ignored.is_none()).map(line);
    lines.collect::<Vec<_>>().join("\n")
}

fn line(finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let at = finding.source.position(finding.span.start);
    let name = finding.source.name();
    let (file, title) = (property(name.strip_prefix("./").unwrap_or(name)), property(finding.rule.id));
    let message = data(&format!("{}; {}", finding.title, finding.help));
    format!("::{command} file={file},line={},col={},title={title}::{message}", at.line, at.column)
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
