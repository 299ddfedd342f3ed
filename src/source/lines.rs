//! The positions of many places in one text, without reading it again for each.

use super::{Position, Source};

/// Where each line of a text begins.
#[derive(Clone, Debug)]
pub struct Lines<'s> {
    text: &'s str,
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_where_the_source_says() {
        let source = Source::new("f", "eins\n\nzw\u{e9}i x\n");
        let lines = Lines::of(&source);
        for offset in 0..source.text().len() + 2 {
            assert_eq!(lines.position(offset), source.position(offset), "{offset}");
        }
    }
}
