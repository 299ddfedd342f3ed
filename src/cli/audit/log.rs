//! The log that `ramgate audit` reads.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;

use crate::audit::read::{Attempt, Attempts, Events, ReadError, total_size};
use crate::cli::exit::Failure;
use crate::cli::output::counted;
use crate::cli::plain::plain;
use crate::cli::progress::Progress;
use crate::cli::recording::inputs;

#[derive(Clone, Debug, Args)]
pub(super) struct LogArgs {
    /// The gateway's logs, each with its rotated files, or ActionTrail's events: files (also compressed), folders, or
    /// `-` for standard input
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., default_value = "audit.jsonl")]
    log: Vec<PathBuf>,
}

/// The most skipped lines that are shown; further ones are only counted.
const MOST_SHOWN: u64 = 5;
const HELP: &str = "name the log with `--log`";

impl LogArgs {
    /// The one log that can be followed.
    pub(super) fn single(&self) -> Result<&Path, Failure> {
        match self.log.as_slice() {
            [path] if path.as_os_str() != "-" && !path.is_dir() => Ok(path),
            _ => Err(Failure::new("only one file can be followed", "name the current file of one log with `--log`")),
        }
    }

    /// Reads all attempts. Lines that are not events are reported and skipped.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn each(&self, mut take: impl FnMut(Attempt)) -> Result<(), Failure> {
        let inputs = inputs(&self.log, HELP)?;
        let total = total_size(&inputs);
        let events = Events::new(inputs);
        let (read, progress) = (events.progress(), Progress::new("read"));
        let mut skipped = Skipped::default();
        for (at, attempt) in Attempts::new(events).enumerate() {
            if at.is_multiple_of(256) {
                progress.tell_bytes(read.load(Ordering::Relaxed), total);
            }
            match attempt {
                Ok(attempt) => take(attempt),
                Err(error) => skipped.take(&error).inspect_err(|_| progress.end())?,
            }
        }
        progress.end();
        skipped.report();
        Ok(())
    }
}

/// The number of lines that were skipped because they are not events.
#[derive(Debug, Default)]
pub(super) struct Skipped(u64);

impl Skipped {
    pub(super) fn take(&mut self, error: &ReadError) -> Result<(), Failure> {
        if let ReadError::File { .. } = error {
            return Err(Failure::new(error.to_string(), HELP));
        }
        self.0 += 1;
        if self.0 <= MOST_SHOWN {
            tell!("skipped: {}", plain(&error.to_string()));
        }
        Ok(())
    }

    fn report(&self) {
        if self.0 > MOST_SHOWN {
            tell!("skipped: {} in total that are not events", counted(self.0, "line"));
        }
    }
}
