//! A reader for the parts of Markdown that the tests need: prose, tables, fenced blocks and code spans.

use std::fs;
use std::path::{Path, PathBuf};

/// One document.
pub(crate) struct Document {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block<'a> {
    /// The word after the opening fence.
    pub(crate) language: &'a str,
    /// The number of the first line inside, from 1.
    pub(crate) line: usize,
    pub(crate) lines: Vec<&'a str>,
}

/// The README and the documents in `docs/`. The research in `docs/spec/` shows no commands.
pub(crate) fn with_commands() -> Vec<Document> {
    let mut paths = vec![PathBuf::from("README.md")];
    paths.extend(markdown_in("docs"));
    paths.into_iter().map(Document::read).collect()
}

/// The documents in `docs/` and at the top of the repository.
pub(crate) fn all() -> Vec<Document> {
    let mut paths = markdown_in(".");
    paths.extend(markdown_in("docs"));
    paths.into_iter().map(Document::read).collect()
}

fn markdown_in(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "md")).collect();
    paths.sort();
    paths
}

impl Document {
    pub(crate) fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
        let (mut blocks, mut open): (Vec<Block<'_>>, Option<Block<'_>>) = (Vec::new(), None);
        for (at, line) in self.text.lines().enumerate() {
            match (open.take(), line.strip_prefix("```")) {
                (Some(block), Some("")) => blocks.push(block),
                (Some(mut block), _) => {
                    block.lines.push(line);
                    open = Some(block);
                }
                (None, Some(language)) => open = Some(Block { language, line: at + 2, lines: Vec::new() }),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.path.display());
        blocks
    }

    /// The lines outside of fenced blocks.
    pub(crate) fn prose(&self) -> Vec<&str> {
        let mut fenced = false;
        let outside = |line: &&str| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            !fence && !fenced
        };
        self.text.lines().filter(outside).collect()
    }
}

/// The texts of a line that are between back-ticks.
pub(crate) fn code_spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The cells of a table row, or `None` if the line is not one. An escaped bar does not end a cell.
pub(crate) fn cells(line: &str) -> Option<Vec<String>> {
    let line = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(line.replace("\\|", "\u{1}").split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect())
}
