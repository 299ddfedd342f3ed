//! Complaints as a compiler shows them: file, line, column, the source line with a caret, and what to do.

use std::io::{IsTerminal, stderr};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::config::environment;
use crate::source::{Complaint, Severity};

/// Prints complaints to standard error, errors last, and how many there are.
pub(super) fn print(complaints: &[Complaint]) {
    let renderer = if colours() { Renderer::styled() } else { Renderer::plain() };
    let mut sorted: Vec<&Complaint> = complaints.iter().collect();
    sorted.sort_by_key(|complaint| complaint.is_error());
    for complaint in sorted {
        tell!("{}\n", render(complaint, &renderer));
    }
    let errors = complaints.iter().filter(|complaint| complaint.is_error()).count();
    if errors > 1 {
        tell!("{errors} errors");
    }
}

fn render(complaint: &Complaint, renderer: &Renderer) -> String {
    let level = match complaint.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let source = &complaint.source;
    let Some(span) = &complaint.span else {
        let title = format!("{}: {}", source.name(), complaint.title);
        let group = level.primary_title(title.as_str()).element(Level::HELP.message(complaint.help.as_str()));
        return renderer.render(&[group]);
    };
    if source.is_confidential() {
        let mut origin = Origin::path(source.name());
        if let Some(position) = complaint.position() {
            origin = origin.line(position.line).char_column(position.column);
        }
        let group = level
            .primary_title(complaint.title.as_str())
            .element(origin)
            .element(Level::HELP.message(complaint.help.as_str()));
        return renderer.render(&[group]);
    }
    let length = source.text().len();
    let span = span.start.min(length)..span.end.clamp(span.start.min(length), length);
    let snippet = Snippet::source(source.text()).path(source.name()).annotation(AnnotationKind::Primary.span(span));
    let group = level
        .primary_title(complaint.title.as_str())
        .element(snippet)
        .element(Level::HELP.message(complaint.help.as_str()));
    renderer.render(&[group])
}

fn colours() -> bool {
    stderr().is_terminal() && environment("NO_COLOR").is_none_or(|value| value.is_empty())
}
