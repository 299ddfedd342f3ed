//! What a log records about the time before it was opened. The nonce store needs it to know whether calls were accepted
//! that it has no record of.

use std::fs::File;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::sink::Stamping;
use super::state::{Shared, State};
use super::tail::read_end;

/// The log as it was when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPast {
    /// The log is not a regular file, so it cannot be read back.
    Device,
    /// It had no line.
    Empty,
    /// The time of the last line, if that has one. If the lines are gone, the time of the last checkpoint.
    Lines(Option<Timestamp>),
}

/// Whether a log permits signed calls in the lines after a given line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedAfter {
    No,
    Yes,
    /// These lines are in another file, or there are too many of them.
    Unknown,
}

#[derive(Deserialize)]
struct Line {
    seq: u64,
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "additionalEventData")]
    additional: Additional,
}

#[derive(Deserialize)]
struct Additional {
    gateway: Gateway,
}

#[derive(Deserialize)]
struct Gateway {
    stage: String,
    verdict: String,
    signature: Signature,
}

#[derive(Deserialize)]
struct Signature {
    scheme: String,
}

impl Shared {
    /// Records the number of the last line in the write-ahead store, so that a start need not search the file for later
    /// calls. If that fails, the next batch must record its number.
    pub(super) fn stamp(&self, state: &mut State) {
        let Some(ahead) = self.ahead.get() else { return };
        if ahead.write(state.file.written.chain.last(), Stamping::Always).is_err() {
            state.queue.unstamped.owe();
        }
    }
}

/// The end of the log's file, read when the log was opened, because the file may be rotated a moment later.
#[derive(Debug)]
pub(super) struct End {
    last: u64,
    /// The number of the first line that was read.
    first: u64,
    /// The number of the last line, among those read, that permits a signed call.
    allowed: Option<u64>,
}

impl End {
    /// The end of a log that cannot be read back.
    pub(super) fn unread(last: u64) -> Self {
        Self { last, first: last + 1, allowed: None }
    }

    /// Reads the end of a file whose last line has the number `last`, back to the last line that permits a signed call.
    pub(super) fn read(path: &Path, last: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let (bytes, start) = read_end(&file, file.metadata()?.len())?;
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        if start > 0 {
            // The first piece is not a complete line.
            lines.drain(..1);
        }
        let mut end = Self::unread(last);
        for text in lines.into_iter().rev() {
            let Ok(Line { seq, event }) = serde_json::from_slice(text) else { break };
            end.first = seq;
            let Gateway { stage, verdict, signature } = event.additional.gateway;
            if stage == "Decision" && verdict == "Allow" && matches!(&*signature.scheme, "V1" | "V3") {
                end.allowed = Some(seq);
                break;
            }
        }
        Ok(end)
    }

    pub(super) fn allowed_after(&self, line: u64) -> AllowedAfter {
        match self.allowed {
            _ if self.last <= line => AllowedAfter::No,
            Some(allowed) if allowed > line => AllowedAfter::Yes,
            None if self.first > line + 1 => AllowedAfter::Unknown,
            _ => AllowedAfter::No,
        }
    }
}
