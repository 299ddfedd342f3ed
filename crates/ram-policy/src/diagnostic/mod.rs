//! A text that a person wrote, and a diagnostic about a place in it.
//!
//! Knows nothing of what the text means. Every file the project reads (policies, account, key ring,
//! configuration, world, catalogue) is complained about in this one form, so that all errors look alike.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A named text: what a diagnostic quotes from.
#[derive(Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    confidential: bool,
}

/// A place in a text, counted as editors count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// The greater, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can be used, and is worth knowing.
    Note,
    /// It can be used, and somebody should look.
    Warning,
    /// What was read cannot be used.
    Error,
}

/// One thing wrong with one file, told to the person who must act.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    /// What is wrong, lower case, with the input in back-ticks.
    pub title: String,
    /// What to do about it.
    pub help: String,
    /// Where; a file that could not even be read has a name and no place.
    pub source: Source,
    /// Byte range in the text.
    pub span: Option<Range<usize>>,
}

impl Severity {
    /// The word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Source {
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), confidential: false }
    }

    /// The same text, which may hold secrets: a diagnostic names a place in it and quotes nothing.
    #[must_use]
    pub fn confidential(self) -> Self {
        Self { confidential: true, ..self }
    }

    pub fn is_confidential(&self) -> bool {
        self.confidential
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset; an offset past the end is the end.
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

    /// The line that a byte offset lies in.
    pub fn line(&self, offset: usize) -> &str {
        self.text.lines().nth(self.position(offset).line - 1).unwrap_or_default()
    }

    /// The byte offset of a line and column, for parsers that report those.
    pub fn offset(&self, position: Position) -> usize {
        let line_start = match position.line {
            0 | 1 => 0,
            line => self.text.match_indices('\n').nth(line - 2).map_or(self.text.len(), |(at, _)| at + 1),
        };
        let line = &self.text[line_start..];
        line.char_indices().nth(position.column.saturating_sub(1)).map_or(self.text.len(), |(at, _)| line_start + at)
    }

    pub fn error(&self, span: Range<usize>, title: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        self.diagnostic(Severity::Error, Some(span), title.into(), help.into())
    }

    pub fn warning(&self, span: Range<usize>, title: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        self.diagnostic(Severity::Warning, Some(span), title.into(), help.into())
    }

    /// A diagnostic about the file as a whole.
    pub fn error_without_place(&self, title: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        self.diagnostic(Severity::Error, None, title.into(), help.into())
    }

    fn diagnostic(&self, severity: Severity, span: Option<Range<usize>>, title: String, help: String) -> Diagnostic {
        Diagnostic { severity, title, help, source: self.clone(), span }
    }
}

impl Diagnostic {
    pub fn position(&self) -> Option<Position> {
        self.span.as_ref().map(|span| self.source.position(span.start))
    }

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

/// Without the text of one that is not to be quoted.
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
    fn a_position_counts_characters_and_comes_back() {
        let source = Source::new("f", "eins\nzw\u{e9}i x\n");
        let at = source.text().find('x').unwrap();
        assert_eq!(source.position(at), Position { line: 2, column: 6 });
        assert_eq!(source.offset(source.position(at)), at);
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
        assert_eq!(source.offset(Position { line: 1, column: 2 }), 1);
    }
}
