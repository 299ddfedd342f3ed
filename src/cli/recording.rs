//! What commands over recorded attempts share: which files, and which time.

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::config::parse_duration;
use crate::trail::{Input, inputs as named_inputs, log_with_rotated};

use super::exit::Failure;

/// The time to look at.
#[derive(Debug, Args)]
pub(super) struct Recording {
    /// Nothing before: a time (RFC 3339), or so long ago (`90d`, `12h`)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Nothing from then on
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// A stretch of time; open where nothing is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Recording {
    pub(super) fn window(&self, now: Timestamp) -> Result<Window, Failure> {
        let read = |text: &Option<String>| text.as_deref().map(|text| read_time(text, now)).transpose();
        Ok(Window { since: read(&self.since)?, until: read(&self.until)? })
    }
}

impl Window {
    pub(super) fn contains(self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

fn read_time(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let ago = match days {
        Some(days) => Some(SignedDuration::from_hours(i64::from(days) * 24)),
        None => parse_duration(text).ok().and_then(|duration| SignedDuration::try_from(duration).ok()),
    };
    let time = ago.and_then(|ago| now.saturating_sub(ago).ok());
    time.ok_or_else(|| {
        Failure::new(format!("`{text}` is no time"), "write `2026-01-31T12:00:00Z`, or so long ago: `90d`, `12h`")
    })
}

/// The files that are meant: of a log, those that were rotated away too.
pub(super) fn inputs(logs: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut found = Vec::new();
    for log in logs {
        let unreadable = |error| {
            Failure::new(format!("`{}` cannot be read: {error}", log.display()), "name a log, a folder, or `-`")
        };
        let all = if log.is_file() {
            log_with_rotated(log)
        } else {
            named_inputs(std::slice::from_ref(log)).map_err(|(_, error)| error)
        };
        found.extend(all.map_err(unreadable)?);
    }
    Ok(found)
}

/// In bytes, as they lie on disk; unknown where some come through a pipe.
pub(super) fn size_of(inputs: &[Input]) -> Option<u64> {
    inputs.iter().map(Input::size).sum()
}
