//! `ramgate audit tail`: shows the last attempts, and new ones as they are logged.

use std::collections::VecDeque;
use std::io::{Write, stdout};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use clap::Args;

use crate::audit::read::{Attempt, Follow, Stage};
use crate::cli::exit::{Exit, Failure};

use super::filter::FilterArgs;
use super::log::{LogArgs, Skipped};
use super::row::text;

/// Shows the last attempts; with `-f`, also new ones, even after the log is rotated
#[derive(Debug, Args)]
#[command(after_help = "Example: ramgate audit tail -f --verdict deny")]
pub(in crate::cli) struct Tail {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    log: LogArgs,
    /// Show new attempts until Ctrl-C. An allowed call then has two lines: the decision and the outcome
    #[arg(short, long)]
    follow: bool,
    /// The number of attempts to show from the existing log
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: u32,
}

const PAUSE: Duration = Duration::from_millis(250);

impl Tail {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        if self.follow {
            return self.follow(self.log.single()?);
        }
        let mut last = VecDeque::new();
        self.log.each(|attempt| {
            if self.filter.takes(&attempt) {
                last.push_back(text(&attempt));
                if last.len() > self.lines as usize {
                    last.pop_front();
                }
            }
        })?;
        last.iter().for_each(|line| say!("{line}"));
        Ok(if last.is_empty() { Exit::No } else { Exit::Yes })
    }

    fn follow(&self, path: &Path) -> Result<Exit, Failure> {
        let mut log = Follow::new(path);
        let mut first: Option<VecDeque<String>> = Some(VecDeque::new());
        let mut skipped = Skipped::default();
        loop {
            let mut written = Ok(());
            let looked = log.look(&mut |read| {
                let line = match read {
                    Ok(line) => line,
                    Err(error) => return drop(skipped.take(&error)),
                };
                let attempt = Attempt { line, outcome: None };
                if !self.filter.takes(&attempt) {
                    return;
                }
                let line = line_text(&attempt);
                match &mut first {
                    Some(last) => {
                        last.push_back(line);
                        if last.len() > self.lines as usize {
                            last.pop_front();
                        }
                    }
                    None if written.is_ok() => written = put(&line),
                    None => {}
                }
            });
            looked.map_err(|error| {
                Failure::new(format!("`{}` cannot be read: {error}", path.display()), "name the log with `--log`")
            })?;
            for line in first.take().unwrap_or_default() {
                written = written.and_then(|()| put(&line));
            }
            // The reader has closed the pipe.
            if written.is_err() {
                return Ok(Exit::Yes);
            }
            sleep(PAUSE);
        }
    }
}

/// The text of one line. When a log is followed, the outcome of a call has its own line, which is marked.
fn line_text(attempt: &Attempt) -> String {
    let outcome = attempt.event().gateway().is_some_and(|gateway| gateway.stage == Stage::Outcome);
    let text = text(attempt);
    if outcome { format!("{text}  (outcome)") } else { text }
}

fn put(line: &str) -> Result<(), ()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|_| ())
}
