//! Reads all events of several inputs in sequence.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Event;
use super::input::Input;
use super::lines::{LONGEST_LINE, LineForm, Lines, RawLine};
use super::open::{Bytes, open};
use super::values::Values;

/// An event and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub place: Place,
    /// The line's number in its chain, if it is a line of this program's log.
    pub seq: Option<u64>,
    pub event: Event,
}

/// An event that is not parsed yet.
#[derive(Clone, Debug)]
pub struct RawEvent {
    place: Place,
    bytes: Box<[u8]>,
    form: LineForm,
}

/// A line of a file, counted from 1: `audit.jsonl:17`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u64,
}

/// Why an event or a file could not be read. The iterator can be continued after it.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file, or the rest of it, is skipped.
    #[error("`{file}` cannot be read: {error}")]
    File { file: Arc<str>, error: io::Error },
    /// Only this line is skipped.
    #[error("{place}: {why}")]
    Line { place: Place, why: String },
}

/// Reads events in the order of the files and their lines.
#[derive(Debug)]
pub struct Events {
    inputs: std::vec::IntoIter<Input>,
    current: Option<(Arc<str>, Form)>,
    progress: Arc<AtomicU64>,
}

/// The layout of a file.
#[derive(Debug)]
enum Form {
    /// One event in each line.
    Lines(Lines<Peeked>),
    /// An array of events, or events that span several lines.
    Values(Values<BufReader<Peeked>>),
}

type Peeked = io::Chain<Cursor<Vec<u8>>, Boxed>;

struct Boxed(Bytes);

impl Events {
    pub fn new(inputs: Vec<Input>) -> Self {
        Self { inputs: inputs.into_iter(), current: None, progress: Arc::default() }
    }

    /// How many bytes have been read so far, counted before decompression.
    pub fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.progress)
    }
}

impl Iterator for Events {
    type Item = Result<Located, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.advance(|file, line| read(&place(file, line), line.bytes, line.form))?;
        Some(read.and_then(|read| read))
    }
}

impl Events {
    /// The next event, to be parsed on another thread.
    pub fn next_raw(&mut self) -> Option<Result<RawEvent, ReadError>> {
        self.advance(|file, line| RawEvent { place: place(file, line), bytes: line.bytes.into(), form: line.form })
    }

    fn advance<T>(&mut self, take: impl FnOnce(&Arc<str>, RawLine<'_>) -> T) -> Option<Result<T, ReadError>> {
        loop {
            let Some((file, form)) = &mut self.current else {
                let input = self.inputs.next()?;
                let file: Arc<str> = input.to_string().into();
                match open(&input, &self.progress).and_then(form_of) {
                    Ok(form) => self.current = Some((file, form)),
                    Err(error) => return Some(Err(ReadError::File { file, error })),
                }
                continue;
            };
            let line = match form {
                Form::Lines(lines) => lines.next_line(),
                Form::Values(values) => values.next_value(),
            };
            match line {
                Ok(Some(line)) if line.bytes.trim_ascii().is_empty() => {}
                Ok(Some(line)) => return Some(Ok(take(file, line))),
                Ok(None) => self.current = None,
                Err(error) => {
                    let file = Arc::clone(file);
                    self.current = None;
                    return Some(Err(ReadError::File { file, error }));
                }
            }
        }
    }
}

impl RawEvent {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// # Errors
    /// The line is not an event.
    pub fn read(&self) -> Result<Located, ReadError> {
        read(&self.place, &self.bytes, self.form)
    }
}

fn place(file: &Arc<str>, line: RawLine<'_>) -> Place {
    Place { file: Arc::clone(file), line: line.number }
}

fn read(place: &Place, bytes: &[u8], form: LineForm) -> Result<Located, ReadError> {
    let error = |why| ReadError::Line { place: place.clone(), why };
    if form == LineForm::TooLong {
        return Err(error(format!("it is longer than {LONGEST_LINE} bytes")));
    }
    match read_event(bytes) {
        Ok((seq, event)) => Ok(Located { place: place.clone(), seq, event }),
        Err(why) if form == LineForm::Unended => Err(error(format!("{why}; the file ends in the middle of it"))),
        Err(why) => Err(error(why)),
    }
}

/// Detects the layout: an array begins with a bracket, and an event that spans several lines with a brace alone in its
/// line.
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

/// The object around an event, in this program's lines and in Log Service. A bare event has neither member.
#[derive(Deserialize)]
struct Envelope<'a> {
    seq: Option<u64>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// Reads an event, and the line's number in its chain if it has one.
///
/// # Errors
/// Why the JSON is not an event, in words that follow a line's place.
pub(super) fn read_event(json: &[u8]) -> Result<(Option<u64>, Event), String> {
    let envelope: Envelope<'_> = serde_json::from_slice(json).map_err(|error| not_json(&error))?;
    let event = match envelope.event.map(RawValue::get) {
        None => event(std::str::from_utf8(json).map_err(|error| error.to_string())?)?,
        // Some exports have the event as a JSON text.
        Some(text) if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).map_err(|error| not_json(&error))?;
            event(&text)?
        }
        Some(object) => event(object)?,
    };
    Ok((envelope.seq, event))
}

fn not_json(error: &serde_json::Error) -> String {
    format!("it is not the JSON object of an event: {error}")
}

fn event(json: &str) -> Result<Event, String> {
    serde_json::from_str(json).map_err(|error| format!("it is not an event: {error}"))
}
