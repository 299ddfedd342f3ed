//! Shared by commands that read recorded attempts: the selection of files and of a time window.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use crate::audit::read::{Input, logs};

use super::exit::Failure;
use super::moment::moment;
use super::plain::plain;

/// The time window to read; without a bound, it is open at that end.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Window {
    /// At or after this time: `2026-03-01T08:00:00Z`, or `2h`, `30m`, `7d` ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

impl Window {
    pub(super) fn contains(self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

/// The remedy for a log that cannot be read.
pub(super) const LOGS: &str = "name a log, a folder, or `-`";

/// The files to read for the named paths: each log with its rotated files.
pub(super) fn inputs(named: &[PathBuf], help: &str) -> Result<Vec<Input>, Failure> {
    let selected = logs(named)
        .map_err(|(path, error)| Failure::new(format!("`{}` cannot be read: {error}", path.display()), help))?;
    tell_left_out(&selected.left_out);
    Ok(selected.inputs)
}

/// Lists files that have the name of a log but are not read, so that the user does not assume that they were.
pub(super) fn tell_left_out(files: &[PathBuf]) {
    const SHOWN: usize = 5;
    for path in files.iter().take(SHOWN) {
        tell!("not read: `{}` is not a log", plain(&path.display().to_string()));
    }
    match files.len().saturating_sub(SHOWN) {
        0 => {}
        1 => tell!("not read: 1 more file that is not a log"),
        more => tell!("not read: {more} more files that are not logs"),
    }
}
