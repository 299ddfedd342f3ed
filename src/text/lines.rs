//! Places in texts: positions by line and column, and annotations beside a line of a file.

use ram_policy::{Position, Severity, Source};

use super::visible::plain;

/// The start of each line of a text, to look up many positions without scanning the text again for each.
#[derive(Clone, Debug)]
pub struct Lines<'s> {
    text: &'s str,
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
    /// Finds the lines of a source.
    pub fn of(source: &'s Source) -> Self {
        let text = source.text();
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// As [`Source::position`].
    pub fn position(&self, offset: usize) -> Position {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= end);
        let start = self.starts[line - 1];
        Position { line, column: self.text[start..end].chars().count() + 1 }
    }
}

/// A workflow command of GitHub Actions, which shows a message beside a line of a file:
/// `::error file=…,line=…,col=…,title=…::message`, escaped for the runner.
pub fn annotation(severity: Severity, file: &str, at: Position, title: &str, message: &str) -> String {
    let command = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let (file, title) = (property(file.strip_prefix("./").unwrap_or(file)), property(title));
    format!("::{command} file={file},line={},col={},title={title}::{}", at.line, at.column, data(message))
}

fn data(text: &str) -> String {
    plain(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_agrees_with_that_of_the_source() {
        let source = Source::new("f", "eins\n\nzw\u{e9}i x\n");
        let lines = Lines::of(&source);
        for offset in 0..source.text().len() + 2 {
            assert_eq!(lines.position(offset), source.position(offset), "{offset}");
        }
    }
}
