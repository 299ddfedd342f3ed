//! The lines of a stream, lent from one buffer, with a bound on their length.

use std::fmt;
use std::io::{self, Read};

use memchr::memchr;

/// The longest line that is read.
pub const LONGEST_LINE: usize = 1 << 20;

const STEP: usize = 1 << 18;

/// Lends the lines in sequence.
pub struct Lines<R> {
    from: R,
    buffer: Vec<u8>,
    /// The bytes that were read but not lent yet.
    start: usize,
    end: usize,
    /// How many of these bytes are known to hold no line feed.
    searched: usize,
    number: u64,
    at_end: bool,
    /// The beginning of a line that is too long.
    excerpt: Vec<u8>,
}

/// A line, counted from 1, without its line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLine<'a> {
    pub number: u64,
    pub bytes: &'a [u8],
    pub form: LineForm,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineForm {
    /// With a line feed.
    Whole,
    /// At the end of the stream; the line may be incomplete.
    Unended,
    /// The line exceeds the bound: `bytes` is its beginning, and the rest is skipped.
    TooLong,
}

impl<R: Read> Lines<R> {
    pub fn new(from: R) -> Self {
        let buffer = vec![0; STEP];
        Self { from, buffer, start: 0, end: 0, searched: 0, number: 0, at_end: false, excerpt: Vec::new() }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The stream cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<RawLine<'_>>> {
        loop {
            let from = self.start + self.searched;
            if let Some(feed) = memchr(b'\n', &self.buffer[from..self.end]) {
                return Ok(Some(self.lend(from + feed, LineForm::Whole)));
            }
            self.searched = self.end - self.start;
            if self.searched > LONGEST_LINE {
                return self.skip().map(Some);
            }
            if self.at_end {
                return Ok((self.start < self.end).then(|| self.lend(self.end, LineForm::Unended)));
            }
            self.fill()?;
        }
    }

    fn lend(&mut self, end: usize, form: LineForm) -> RawLine<'_> {
        let start = self.start;
        self.start = if form == LineForm::Whole { end + 1 } else { end };
        self.searched = 0;
        self.number += 1;
        RawLine { number: self.number, bytes: &self.buffer[start..end], form }
    }

    /// Skips to the end of a line that is too long, and lends its beginning.
    fn skip(&mut self) -> io::Result<RawLine<'_>> {
        const SHOWN: usize = 256;
        self.excerpt.clear();
        self.excerpt.extend_from_slice(&self.buffer[self.start..self.start + SHOWN]);
        loop {
            self.start = self.end;
            self.fill()?;
            let feed = memchr(b'\n', &self.buffer[self.start..self.end]);
            if let Some(feed) = feed {
                self.start += feed + 1;
            }
            if feed.is_some() || self.at_end {
                break;
            }
        }
        self.searched = 0;
        self.number += 1;
        Ok(RawLine { number: self.number, bytes: &self.excerpt, form: LineForm::TooLong })
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 && self.buffer.len() - self.end < STEP / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < STEP / 2 {
            self.buffer.resize(self.buffer.len() + STEP, 0);
        }
        loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.at_end = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R> fmt::Debug for Lines<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lines").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(self.1).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn read(text: &[u8], step: usize) -> Vec<(u64, Vec<u8>, LineForm)> {
        let mut lines = Lines::new(Slow(text, step));
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push((line.number, line.bytes.to_vec(), line.form));
        }
        found
    }

    #[test]
    fn lines_are_lent_regardless_of_how_they_arrive() {
        for step in [1, 2, 5, 1 << 20] {
            let expected = [
                (1, b"one".to_vec(), LineForm::Whole),
                (2, Vec::new(), LineForm::Whole),
                (3, b"three\r".to_vec(), LineForm::Whole),
                (4, b"end".to_vec(), LineForm::Unended),
            ];
            assert_eq!(read(b"one\n\nthree\r\nend", step), expected);
            assert!(read(b"", step).is_empty());
        }
    }

    #[test]
    fn memory_is_bounded_by_the_longest_line() {
        let mut text = vec![b'x'; 10 * LONGEST_LINE];
        text.extend_from_slice(b"\nshort\n");
        let mut lines = Lines::new(text.as_slice());
        let long = lines.next_line().unwrap().unwrap();
        assert_eq!((long.number, long.form, long.bytes.len()), (1, LineForm::TooLong, 256));
        let short = lines.next_line().unwrap().unwrap();
        assert_eq!((short.number, short.bytes, short.form), (2, &b"short"[..], LineForm::Whole));
        assert!(lines.next_line().unwrap().is_none());
        assert!(lines.buffer.len() < 3 * LONGEST_LINE);
        let exact = [vec![b'y'; LONGEST_LINE], b"\n".to_vec()].concat();
        assert_eq!(read(&exact, 1 << 16)[0].2, LineForm::Whole);
    }
}
