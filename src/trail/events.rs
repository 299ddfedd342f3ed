//! All events of some inputs, one after the other.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::event::Event;
use super::input::Input;
use super::lines::{LONGEST_LINE, LineForm, Lines, RawLine};
use super::open::{Bytes, open};
use super::values::Values;
use super::written::read_event;

/// An event, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub place: Place,
    /// In its chain, where the line is ours.
    pub seq: Option<u64>,
    pub event: Event,
}

/// A line of a file, counted from 1: `audit.jsonl:17`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u64,
}

/// Why something is not read. Reading may go on after it; what that means is for the reader to say.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The rest of this file is missing.
    #[error("`{file}` cannot be read: {error}")]
    File { file: Arc<str>, error: io::Error },
    /// Only this line is.
    #[error("{place}: {why}")]
    Line { place: Place, why: String },
}

/// Reads events in the order in which they stand, a line at a time.
#[derive(Debug)]
pub struct Events {
    inputs: std::vec::IntoIter<Input>,
    current: Option<(Arc<str>, Form)>,
    progress: Arc<AtomicU64>,
}

/// How a file holds its events.
#[derive(Debug)]
enum Form {
    Lines(Lines<Peeked>),
    /// In an array, or over several lines.
    Values(Values<BufReader<Peeked>>),
}

type Peeked = io::Chain<Cursor<Vec<u8>>, Boxed>;

struct Boxed(Bytes);

impl Events {
    pub fn new(inputs: Vec<Input>) -> Self {
        Self { inputs: inputs.into_iter(), current: None, progress: Arc::default() }
    }

    /// How many bytes were read so far, as they lie on disk.
    pub fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.progress)
    }
}

impl Iterator for Events {
    type Item = Result<Located, ReadFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((file, form)) = &mut self.current else {
                let input = self.inputs.next()?;
                let file: Arc<str> = input.to_string().into();
                match open(&input, &self.progress).and_then(form_of) {
                    Ok(form) => self.current = Some((file, form)),
                    Err(error) => return Some(Err(ReadFault::File { file, error })),
                }
                continue;
            };
            let line = match form {
                Form::Lines(lines) => lines.next_line(),
                Form::Values(values) => values.next_value(),
            };
            match line {
                Ok(Some(line)) if line.bytes.trim_ascii().is_empty() => {}
                Ok(Some(line)) => return Some(read(file, line)),
                Ok(None) => self.current = None,
                Err(error) => {
                    let file = Arc::clone(file);
                    self.current = None;
                    return Some(Err(ReadFault::File { file, error }));
                }
            }
        }
    }
}

fn read(file: &Arc<str>, line: RawLine<'_>) -> Result<Located, ReadFault> {
    let place = Place { file: Arc::clone(file), line: line.number };
    if line.form == LineForm::TooLong {
        return Err(ReadFault::Line { place, why: format!("it is longer than {LONGEST_LINE} bytes") });
    }
    match read_event(line.bytes) {
        Ok((seq, event)) => Ok(Located { place, seq, event }),
        Err(why) if line.form == LineForm::Unended => {
            Err(ReadFault::Line { place, why: format!("{why}; the file ends in the middle of it") })
        }
        Err(why) => Err(ReadFault::Line { place, why }),
    }
}

/// An array begins with a bracket, and an event over several lines with a brace that stands alone.
fn form_of(mut bytes: Bytes) -> io::Result<Form> {
    const PEEKED: u64 = 512;
    let mut start = Vec::new();
    bytes.by_ref().take(PEEKED).read_to_end(&mut start)?;
    let text = start.trim_ascii_start();
    let values = match text.first() {
        Some(b'[') => true,
        Some(b'{') => text.split(|byte| *byte == b'\n').next().is_some_and(|line| line.trim_ascii() == b"{"),
        _ => false,
    };
    let all = Cursor::new(start).chain(Boxed(bytes));
    Ok(if values { Form::Values(Values::new(BufReader::new(all))) } else { Form::Lines(Lines::new(all)) })
}

impl Read for Boxed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl fmt::Debug for Boxed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Boxed")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.line)
    }
}
