//! Complaints as a compiler shows them: file, line, column, the source line with a caret, and what to do.

use std::io::{IsTerminal, stderr, stdout};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, Title};

use crate::config::environment;
use crate::lint::Finding;
use crate::source::{Complaint, Severity};

/// Prints complaints to standard error, errors last, and how many there are.
pub(super) fn print(complaints: &[Complaint]) {
    let renderer = renderer(&stderr());
    let mut sorted: Vec<&Complaint> = complaints.iter().collect();
    sorted.sort_by_key(|complaint| complaint.is_error());
    for complaint in sorted {
        tell!("{}\n", render(complaint, None, &renderer));
    }
    let errors = complaints.iter().filter(|complaint| complaint.is_error()).count();
    if errors > 1 {
        tell!("{errors} errors");
    }
}

/// Prints findings to standard output, in their order, each with the id of its rule.
pub(super) fn print_findings<'a>(findings: impl Iterator<Item = &'a Finding>) {
    let renderer = renderer(&stdout());
    for finding in findings {
        say!("{}\n", render(&finding.complaint(), Some(finding.rule.id), &renderer));
    }
}

fn render(complaint: &Complaint, id: Option<&'static str>, renderer: &Renderer) -> String {
    let level = match complaint.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let source = &complaint.source;
    let Some(span) = &complaint.span else {
        let title = format!("{}: {}", source.name(), complaint.title);
        let group = titled(level, &title, id).element(Level::HELP.message(complaint.help.as_str()));
        return renderer.render(&[group]);
    };
    if source.is_confidential() {
        let mut origin = Origin::path(source.name());
        if let Some(position) = complaint.position() {
            origin = origin.line(position.line).char_column(position.column);
        }
        let group =
            titled(level, &complaint.title, id).element(origin).element(Level::HELP.message(complaint.help.as_str()));
        return renderer.render(&[group]);
    }
    let length = source.text().len();
    let span = span.start.min(length)..span.end.clamp(span.start.min(length), length);
    // Only the lines that are shown: a long file with many findings is not searched for each.
    let text = source.text();
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(length, |newline| span.end + newline);
    let snippet = Snippet::source(&text[start..end])
        .line_start(source.position(start).line)
        .path(source.name())
        .annotation(AnnotationKind::Primary.span(span.start - start..span.end - start));
    let group =
        titled(level, &complaint.title, id).element(snippet).element(Level::HELP.message(complaint.help.as_str()));
    renderer.render(&[group])
}

fn titled<'a>(level: Level<'a>, title: &'a str, id: Option<&'a str>) -> Title<'a> {
    let title = level.primary_title(title);
    match id {
        Some(id) => title.id(id),
        None => title,
    }
}

fn renderer(stream: &impl IsTerminal) -> Renderer {
    let colours = stream.is_terminal() && environment("NO_COLOR").is_none_or(|value| value.is_empty());
    if colours { Renderer::styled() } else { Renderer::plain() }
}
