//! A text that a person wrote, and a diagnostic about a place in it.
//!
//! Must not know: the meaning of the text. Policies and every other file that a program reads can be reported on in
//! this one form, so that all errors look the same.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A named text, such as a file, that diagnostics point into. A clone costs no allocation.
///
/// ```
/// use ram_policy::{Position, Source};
///
/// let source = Source::new("app.toml", "[limits]\nsize = -1\n");
/// let diagnostic = source.error(16..18, "`size` is negative", "write a positive number");
/// assert_eq!(diagnostic.position(), Some(Position { line: 2, column: 8 }));
/// assert_eq!(diagnostic.to_string(), "app.toml:2:8: `size` is negative; write a positive number");
/// ```
#[derive(Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    confidential: bool,
}

/// A place in a text, as editors show it. Displayed as `line:column`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// How serious a diagnostic is. A greater value is more serious.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The text can be used; the note explains something about it.
    Note,
    /// The text can be used, but is probably not what its author meant.
    Warning,
    /// The text cannot be used.
    Error,
}

/// One problem in one text: what is wrong, where, and how to fix it.
///
/// Its display form is one line without the quoted text: `file:line:column: title; help`.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How serious the problem is.
    pub severity: Severity,
    /// The problem, in lower case, with the offending input in back-ticks.
    pub title: String,
    /// How to fix the problem.
    pub help: String,
    /// The text. For a file that could not be read, it has the name of the file and no text.
    pub source: Source,
    /// The byte range of the problem in the text; `None` if the problem is about the text as a whole.
    pub span: Option<Range<usize>>,
}

impl Severity {
    /// The name of the severity, in lower case: `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Source {
    /// A text with the name, usually a path, by which diagnostics refer to it.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), confidential: false }
    }

    /// The same text, marked as one that may contain secrets: renderers of diagnostics must not quote it, and its
    /// `Debug` form leaves it out.
    #[must_use]
    pub fn confidential(self) -> Self {
        Self { confidential: true, ..self }
    }

    /// Whether the text may contain secrets and must not be quoted.
    pub fn is_confidential(&self) -> bool {
        self.confidential
    }

    /// The name, as it was passed to [`Source::new`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte offset. An offset past the end counts as the end, one within a character as the
    /// start of the character.
    pub fn position(&self, offset: usize) -> Position {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The text of the line that contains a byte offset, without its line break.
    pub fn line(&self, offset: usize) -> &str {
        self.text.lines().nth(self.position(offset).line - 1).unwrap_or_default()
    }

    /// The byte offset of a line and column, for the errors of parsers that report those. A position past the end of
    /// the text gives the length of the text.
    pub fn offset(&self, position: Position) -> usize {
        let line_start = match position.line {
            0 | 1 => 0,
            line => self.text.match_indices('\n').nth(line - 2).map_or(self.text.len(), |(at, _)| at + 1),
        };
        let line = &self.text[line_start..];
        line.char_indices().nth(position.column.saturating_sub(1)).map_or(self.text.len(), |(at, _)| line_start + at)
    }

    /// An error about a byte range of the text.
    pub fn error(&self, span: Range<usize>, title: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        self.diagnostic(Severity::Error, Some(span), title.into(), help.into())
    }

    /// A warning about a byte range of the text.
    pub fn warning(&self, span: Range<usize>, title: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        self.diagnostic(Severity::Warning, Some(span), title.into(), help.into())
    }

    /// An error about the text as a whole.
    pub fn error_without_place(&self, title: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        self.diagnostic(Severity::Error, None, title.into(), help.into())
    }

    fn diagnostic(&self, severity: Severity, span: Option<Range<usize>>, title: String, help: String) -> Diagnostic {
        Diagnostic { severity, title, help, source: self.clone(), span }
    }
}

impl Diagnostic {
    /// The line and column at which the span begins; `None` without a span.
    pub fn position(&self) -> Option<Position> {
        self.span.as_ref().map(|span| self.source.position(span.start))
    }

    /// Whether the severity is [`Severity::Error`].
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One line, without the quoted source: `file:line:column: title; help`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.name())?;
        if let Some(position) = self.position() {
            write!(f, ":{position}")?;
        }
        write!(f, ": {}; {}", self.title, self.help)
    }
}

/// The text of a confidential source is left out.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.confidential { "…" } else { &*self.text };
        f.debug_struct("Source").field("name", &self.name).field("text", &text).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_and_converts_back_to_its_offset() {
        let source = Source::new("f", "eins\nzw\u{e9}i x\n");
        let at = source.text().find('x').unwrap();
        assert_eq!(source.position(at), Position { line: 2, column: 6 });
        assert_eq!(source.offset(source.position(at)), at);
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
        assert_eq!(source.offset(Position { line: 1, column: 2 }), 1);
    }
}
