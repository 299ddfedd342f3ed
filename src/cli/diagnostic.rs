//! Prints diagnostics in the style of a compiler: file, line, column, the source line with a caret, and a remedy.

use std::io::{IsTerminal, stderr, stdout};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, Title};

use crate::config::environment;
use crate::lint::Finding;
use ram_policy::{Diagnostic, Severity};

/// Prints diagnostics to standard error, errors last, and the number of errors if there are several.
pub(super) fn print(diagnostics: &[Diagnostic]) {
    let renderer = renderer(&stderr());
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.is_error());
    for diagnostic in sorted {
        tell!("{}\n", render(diagnostic, None, &renderer));
    }
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    if errors > 1 {
        tell!("{errors} errors");
    }
}

/// Prints findings to standard output in the given order, each with the id of its rule.
pub(super) fn print_findings<'a>(findings: impl Iterator<Item = &'a Finding>) {
    let renderer = renderer(&stdout());
    for finding in findings {
        say!("{}\n", render(&finding.diagnostic(), Some(finding.rule.id), &renderer));
    }
}

fn render(diagnostic: &Diagnostic, id: Option<&'static str>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let source = &diagnostic.source;
    let Some(span) = &diagnostic.span else {
        let title = format!("{}: {}", source.name(), diagnostic.title);
        let group = titled(level, &title, id).element(Level::HELP.message(diagnostic.help.as_str()));
        return renderer.render(&[group]);
    };
    if source.is_confidential() {
        let mut origin = Origin::path(source.name());
        if let Some(position) = diagnostic.position() {
            origin = origin.line(position.line).char_column(position.column);
        }
        let group =
            titled(level, &diagnostic.title, id).element(origin).element(Level::HELP.message(diagnostic.help.as_str()));
        return renderer.render(&[group]);
    }
    let length = source.text().len();
    let span = span.start.min(length)..span.end.clamp(span.start.min(length), length);
    // The renderer gets only the lines that it shows, so that it does not scan a long file once for each finding.
    let text = source.text();
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(length, |newline| span.end + newline);
    let snippet = Snippet::source(&text[start..end])
        .line_start(source.position(start).line)
        .path(source.name())
        .annotation(AnnotationKind::Primary.span(span.start - start..span.end - start));
    let group =
        titled(level, &diagnostic.title, id).element(snippet).element(Level::HELP.message(diagnostic.help.as_str()));
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
