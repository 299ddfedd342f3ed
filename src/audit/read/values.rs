//! The JSON values of a stream that does not have one value in each line: an array as ActionTrail delivers it, or
//! values that are formatted over several lines. Each is lent as its bytes, with the number of the line in which it
//! begins.

use std::fmt;
use std::io::{self, BufRead};

use super::lines::{LONGEST_LINE, LineForm, RawLine};

/// Lends the values in sequence, with or without an array around them.
pub(super) struct Values<R> {
    from: R,
    value: Vec<u8>,
    /// The line that is being read.
    line: u64,
}

/// Where in a value the current byte is.
#[derive(Default)]
struct Nesting {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl<R: BufRead> Values<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, value: Vec::new(), line: 1 }
    }

    /// The next value; `None` at the end. Bytes that are not a value are lent too, up to a comma, a bracket or the end
    /// of the line.
    ///
    /// # Errors
    /// The stream cannot be read.
    pub(super) fn next_value(&mut self) -> io::Result<Option<RawLine<'_>>> {
        self.value.clear();
        let mut nesting = Nesting::default();
        let (mut begun, mut too_long) = (None, false);
        loop {
            let bytes = match self.from.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                let form = if too_long { LineForm::TooLong } else { LineForm::Unended };
                return Ok(begun.map(|number| RawLine { number, bytes: &self.value, form }));
            }
            let mut used = 0;
            let mut ended = false;
            for &byte in bytes {
                used += 1;
                if begun.is_none() {
                    // The array around the values has no meaning of its own.
                    if matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']') {
                        self.line += u64::from(byte == b'\n');
                        continue;
                    }
                    begun = Some(self.line);
                }
                let loose = nesting.depth == 0 && !nesting.in_text;
                if loose && matches!(byte, b',' | b']' | b'\n') {
                    self.line += u64::from(byte == b'\n');
                    ended = true;
                    break;
                }
                self.line += u64::from(byte == b'\n');
                if self.value.len() < LONGEST_LINE {
                    self.value.push(byte);
                } else {
                    too_long = true;
                }
                if nesting.closes(byte) {
                    ended = true;
                    break;
                }
            }
            self.from.consume(used);
            if let (true, Some(number)) = (ended, begun) {
                let form = if too_long { LineForm::TooLong } else { LineForm::Whole };
                return Ok(Some(RawLine { number, bytes: &self.value, form }));
            }
        }
    }
}

impl Nesting {
    /// Whether this byte ends the value.
    fn closes(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl<R> fmt::Debug for Values<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Values").field("line", &self.line).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, String, LineForm)> {
        let mut values = Values::new(io::BufReader::with_capacity(3, text.as_bytes()));
        let mut found = Vec::new();
        while let Some(value) = values.next_value().unwrap() {
            found.push((value.number, String::from_utf8(value.bytes.to_vec()).unwrap(), value.form));
        }
        found
    }

    #[test]
    fn values_are_separated() {
        let found = read("[{\"a\":\"}\\\"]\"},\n\n {\"b\":[1,{}]} , nonsense, {\"c\":\n1}\n]\n");
        let expected = [
            (1, "{\"a\":\"}\\\"]\"}", LineForm::Whole),
            (3, "{\"b\":[1,{}]}", LineForm::Whole),
            (3, "nonsense", LineForm::Whole),
            (3, "{\"c\":\n1}", LineForm::Whole),
        ];
        assert_eq!(found, expected.map(|(line, text, form)| (line, text.to_owned(), form)));
        assert_eq!(
            read("{\n \"a\":1\n}\n{}"),
            [(1, "{\n \"a\":1\n}".to_owned(), LineForm::Whole), (4, "{}".to_owned(), LineForm::Whole)]
        );
        assert_eq!(read("[{\"a\":").last().unwrap().2, LineForm::Unended);
        assert!(read("[]").is_empty());
    }
}
