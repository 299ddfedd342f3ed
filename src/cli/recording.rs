//! What commands over recorded attempts share: which files, and which time.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use crate::audit::read::{Input, logs};

use super::exit::Failure;
use super::moment::moment;
use super::plain::plain;

/// The stretch of time to look at; open where nothing is said.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Window {
    /// From this moment on: `2026-03-01T08:00:00Z`, or `2h`, `30m`, `7d` ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

impl Window {
    pub(super) fn contains(self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

/// What to do about a log that is named and cannot be read.
pub(super) const LOGS: &str = "name a log, a folder, or `-`";

/// The files that are meant: of a log, those that were rotated away too.
pub(super) fn inputs(named: &[PathBuf], help: &str) -> Result<Vec<Input>, Failure> {
    let selected = logs(named)
        .map_err(|(path, error)| Failure::new(format!("`{}` cannot be read: {error}", path.display()), help))?;
    tell_left_out(&selected.left_out);
    Ok(selected.inputs)
}

/// Names files that look like a log and are not read, so that nobody takes them for a part of what was.
pub(super) fn tell_left_out(files: &[PathBuf]) {
    const SHOWN: usize = 5;
    for path in files.iter().take(SHOWN) {
        tell!("not read: `{}` is no log", plain(&path.display().to_string()));
    }
    match files.len().saturating_sub(SHOWN) {
        0 => {}
        1 => tell!("not read: 1 more file that is no log"),
        more => tell!("not read: {more} more files that are no logs"),
    }
}
