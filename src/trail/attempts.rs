//! Attempts, of the one or two lines that tell each: what was decided, and what became of it.

use std::collections::{HashMap, VecDeque};

use super::event::Event;
use super::events::{Located, ReadFault};
use super::gateway::{Stage, Verdict};

/// So many calls are under way at once in no gateway; beyond, the oldest is given up.
const MOST_OPEN: usize = 65_536;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The decision; for an event of ActionTrail's, the event.
    pub line: Located,
    /// What became of it, in a line of its own.
    pub outcome: Option<Located>,
}

/// Joins lines to attempts; each is given as soon as its last line is read.
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
        self.line.event.gateway.as_ref().map(|gateway| &gateway.verdict)
    }

    /// The line that says what the caller got.
    pub fn answer(&self) -> &Event {
        self.outcome.as_ref().map_or(&self.line.event, |outcome| &outcome.event)
    }

    /// It was allowed, and no line tells what became of it: it was sent, or was about to be.
    pub fn is_open(&self) -> bool {
        self.outcome.is_none() && self.line.event.gateway.as_ref().is_some_and(|gateway| !gateway.last)
    }

    /// Whether an id is that of the attempt, of the answer, or of the upstream's answer.
    pub fn is_called(&self, id: &str) -> bool {
        let same = |other: &Option<String>| other.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(id));
        let events = std::iter::once(&self.line).chain(&self.outcome).map(|line| &line.event);
        events.into_iter().any(|event| {
            let upstream = event.gateway.as_ref().and_then(|gateway| gateway.upstream.as_ref());
            same(&event.event_id) || same(&event.request_id) || upstream.is_some_and(|sent| same(&sent.request_id))
        })
    }
}

impl<I: Iterator<Item = Result<Located, ReadFault>>> Attempts<I> {
    pub fn new(lines: I) -> Self {
        Self { lines, open: HashMap::new(), order: VecDeque::new(), ended: false }
    }

    /// The oldest attempt without an outcome.
    fn give_up(&mut self) -> Option<Attempt> {
        loop {
            let id = self.order.pop_front()?;
            if let Some(line) = self.open.remove(&id) {
                return Some(Attempt { line, outcome: None });
            }
        }
    }
}

impl<I: Iterator<Item = Result<Located, ReadFault>>> Iterator for Attempts<I> {
    type Item = Result<Attempt, ReadFault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let line = match self.lines.next() {
                Some(Ok(line)) => line,
                Some(Err(fault)) => return Some(Err(fault)),
                None => {
                    self.ended = true;
                    break;
                }
            };
            let (id, gateway) = (line.event.event_id.clone(), line.event.gateway.as_ref());
            match (id, gateway) {
                (Some(id), Some(gateway)) if gateway.stage == Stage::Outcome => {
                    return Some(Ok(match self.open.remove(&id) {
                        Some(decision) => Attempt { line: decision, outcome: Some(line) },
                        // Its decision stands in a file that was not given: the line tells both.
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
