//! The log that questions are put to.

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
    /// Logs of ours, with what was rotated away beside them, or ActionTrail's events: files, compressed ones too, `-` for
    /// standard input, or folders
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., default_value = "audit.jsonl")]
    log: Vec<PathBuf>,
}

/// More lines that are no events are counted and not told.
const TOLD: u64 = 5;
const HELP: &str = "name the log with `--log`";

impl LogArgs {
    /// The one log that can be followed.
    pub(super) fn single(&self) -> Result<&Path, Failure> {
        match self.log.as_slice() {
            [path] if path.as_os_str() != "-" && !path.is_dir() => Ok(path),
            _ => Err(Failure::new("one file can be followed", "name the current file of one log with `--log`")),
        }
    }

    /// Reads all attempts. Lines that are no events are told and skipped.
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
                Err(fault) => skipped.take(&fault).inspect_err(|_| progress.end())?,
            }
        }
        progress.end();
        skipped.tell();
        Ok(())
    }
}

/// Lines that are no events.
#[derive(Debug, Default)]
pub(super) struct Skipped(u64);

impl Skipped {
    pub(super) fn take(&mut self, fault: &ReadError) -> Result<(), Failure> {
        if let ReadError::File { .. } = fault {
            return Err(Failure::new(fault.to_string(), HELP));
        }
        self.0 += 1;
        if self.0 <= TOLD {
            tell!("skipped: {}", plain(&fault.to_string()));
        }
        Ok(())
    }

    fn tell(&self) {
        if self.0 > TOLD {
            tell!("skipped: {} that are no events, in all", counted(self.0, "line"));
        }
    }
}
