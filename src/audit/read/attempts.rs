//! Joins the one or two lines about each attempt: the decision and the outcome.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::events::{Located, ReadError};
use super::{Event, Stage, Verdict};

/// More calls than any gateway has in flight at once. Beyond that, the oldest open attempt is returned without an
/// outcome.
const MOST_OPEN: usize = 65_536;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The line with the decision, or ActionTrail's event.
    pub line: Located,
    /// The line with the outcome.
    pub outcome: Option<Located>,
}

/// Joins lines to attempts; each is returned as soon as its last line is read.
#[derive(Debug)]
pub struct Attempts<I> {
    lines: I,
    open: HashMap<String, Located>,
    order: VecDeque<String>,
    ended: bool,
}

impl Attempt {
    pub fn event(&self) -> &Event {
        &self.line.event
    }

    pub fn verdict(&self) -> Option<&Verdict> {
        self.line.event.gateway().map(|gateway| &gateway.verdict)
    }

    /// The event with the caller's answer.
    pub fn answer(&self) -> &Event {
        self.outcome.as_ref().map_or(&self.line.event, |outcome| &outcome.event)
    }

    /// Whether the attempt was allowed but no line has its outcome: it was forwarded, or was about to be.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none() && self.line.event.gateway().is_some_and(|gateway| !gateway.last)
    }

    /// Whether an id is that of the attempt, of its answer or of the upstream's answer. Case is ignored.
    pub fn is_called(&self, id: &str) -> bool {
        let same = |other: &Option<Cow<'_, str>>| other.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(id));
        let events = std::iter::once(&self.line).chain(&self.outcome).map(|line| &line.event);
        events.into_iter().any(|event| {
            let upstream = event.gateway().and_then(|gateway| gateway.upstream.as_ref());
            same(&event.event_id) || same(&event.request_id) || upstream.is_some_and(|sent| same(&sent.request_id))
        })
    }
}

impl<I: Iterator<Item = Result<Located, ReadError>>> Attempts<I> {
    pub fn new(lines: I) -> Self {
        Self { lines, open: HashMap::new(), order: VecDeque::new(), ended: false }
    }

    /// Takes the oldest attempt without an outcome.
    fn give_up(&mut self) -> Option<Attempt> {
        loop {
            let id = self.order.pop_front()?;
            if let Some(line) = self.open.remove(&id) {
                return Some(Attempt { line, outcome: None });
            }
        }
    }
}

impl<I: Iterator<Item = Result<Located, ReadError>>> Iterator for Attempts<I> {
    type Item = Result<Attempt, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let line = match self.lines.next() {
                Some(Ok(line)) => line,
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.ended = true;
                    break;
                }
            };
            let id = line.event.event_id.as_deref().map(str::to_owned);
            let gateway = line.event.gateway();
            match (id, gateway) {
                (Some(id), Some(gateway)) if gateway.stage == Stage::Outcome => {
                    return Some(Ok(match self.open.remove(&id) {
                        Some(decision) => Attempt { line: decision, outcome: Some(line) },
                        // The line of the decision is in a file that was not given. The outcome repeats the decision,
                        // unless the key of the call was only claimed.
                        None => Attempt { line, outcome: None },
                    }));
                }
                (Some(id), Some(gateway)) if gateway.stage == Stage::Decision && !gateway.last => {
                    self.order.push_back(id.clone());
                    self.open.insert(id, line);
                    if self.order.len() > MOST_OPEN
                        && let Some(attempt) = self.give_up()
                    {
                        return Some(Ok(attempt));
                    }
                }
                _ => return Some(Ok(Attempt { line, outcome: None })),
            }
        }
        self.give_up().map(Ok)
    }
}
