//! Findings and rules as JSON, GitHub annotations and text, and the summary line.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::text::annotation;
use ram_policy::Severity;

use super::finding::Finding;
use super::rule::RULES;

/// All findings, including ignored ones.
pub fn json(findings: &[Finding]) -> Value {
    let listed: Vec<Value> = findings.iter().map(describe).collect();
    let [errors, warnings, notes, ignored] = counts(findings);
    json!({
        "findings": listed,
        "errors": errors, "warnings": warnings, "notes": notes, "ignored": ignored,
    })
}

/// `2 errors, 1 warning, 0 notes, 3 ignored in 4 documents`.
pub fn summary(findings: &[Finding], documents: usize) -> String {
    let [errors, warnings, notes, ignored] = counts(findings);
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    format!(
        "{}, {}, {}, {ignored} ignored in {}",
        count(errors, "error"),
        count(warnings, "warning"),
        count(notes, "note"),
        count(documents, "document")
    )
}

/// One line for each finding that is not ignored.
pub fn github(findings: &[Finding]) -> String {
    let lines = findings.iter().filter(|finding| finding.ignored.is_none()).map(line);
    lines.collect::<Vec<_>>().join("\n")
}

fn line(finding: &Finding) -> String {
    let at = finding.source.position(finding.span.start);
    let message = format!("{}; {}", finding.title, finding.help);
    annotation(finding.severity, finding.source.name(), at, finding.rule.id, &message)
}

pub fn rules_json() -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id, "severity": rule.severity.as_str(), "summary": rule.summary, "why": rule.why,
                "page": rule.page,
            })
        })
        .collect();
    json!({ "rules": rules })
}

/// One row for each rule.
pub fn rules_text() -> String {
    let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let mut text = format!("{:width$}  SEVERITY  SUMMARY", "RULE");
    for rule in RULES {
        let _ = write!(text, "\n{:width$}  {:8}  {}", rule.id, rule.severity.as_str(), rule.summary);
    }
    text
}

fn describe(finding: &Finding) -> Value {
    let (start, end) = (finding.source.position(finding.span.start), finding.source.position(finding.span.end));
    let about = &finding.about;
    json!({
        "rule": finding.rule.id,
        "severity": finding.severity.as_str(),
        "title": finding.title,
        "help": finding.help,
        "file": finding.source.name(),
        "line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column,
        "policy": about.policy, "statement": about.statement, "sid": about.sid, "principal": about.principal,
        "ignored": finding.ignored.as_deref(),
    })
}

/// The numbers of errors, warnings and notes that are not ignored, and of ignored findings.
fn counts(findings: &[Finding]) -> [usize; 4] {
    let live = |severity: Severity| {
        findings.iter().filter(|finding| finding.ignored.is_none() && finding.severity == severity).count()
    };
    let ignored = findings.iter().filter(|finding| finding.ignored.is_some()).count();
    [live(Severity::Error), live(Severity::Warning), live(Severity::Note), ignored]
}
