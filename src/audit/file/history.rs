//! What an open log says of the time before it was opened, for those who must know what was accepted then.

use std::fs::File;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::ahead::WriteAhead;
use super::FileSink;
use super::tail::read_end;

/// The log as it was when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPast {
    /// The log is not a regular file, so it cannot be read back.
    Device,
    /// There was no line.
    Empty,
    /// When the last line was written, where the line says so.
    Lines(Option<Timestamp>),
}

/// Whether a log lets signed calls go on in its later lines.
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

impl FileSink {
    /// What is written ahead of every batch from now on. Only the first one counts.
    pub fn write_ahead(&self, ahead: Arc<dyn WriteAhead>) {
        self.shared.ahead.get_or_init(|| ahead);
    }

    /// The log as it was when it was opened.
    pub fn past(&self) -> &LogPast {
        &self.past
    }

    /// The number of the last line that stands in the log.
    pub fn last_line(&self) -> u64 {
        self.shared.lock().written.chain.last()
    }

    /// Whether a line after that one lets a signed call go on.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn allowed_after(&self, line: u64) -> io::Result<AllowedAfter> {
        if self.last_line() <= line {
            return Ok(AllowedAfter::No);
        }
        let file = File::open(self.shared.names.current())?;
        let (bytes, start) = read_end(&file, file.metadata()?.len())?;
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        if start > 0 {
            // The first one is a part of a line.
            lines.drain(..1);
        }
        for text in lines.into_iter().rev() {
            let Ok(Line { seq, event }) = serde_json::from_slice(text) else { return Ok(AllowedAfter::Unknown) };
            if seq <= line {
                return Ok(AllowedAfter::No);
            }
            let Gateway { stage, verdict, signature } = event.additional.gateway;
            if stage == "Decision" && verdict == "Allow" && matches!(&*signature.scheme, "V1" | "V3") {
                return Ok(AllowedAfter::Yes);
            }
            if seq == line + 1 {
                return Ok(AllowedAfter::No);
            }
        }
        Ok(AllowedAfter::Unknown)
    }
}
