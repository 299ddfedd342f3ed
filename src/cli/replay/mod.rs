//! `ramgate replay`: shows how a change of policies would have changed the verdicts on recorded attempts.

mod judging;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use crate::gateway::now;
use crate::pdp::Pdp;
use crate::replay::{Direction, ReplayCounts, VerdictChange};
use crate::store::{AttributeSource, load_directories};
use crate::text::annotation;
use ram_policy::{Position, Severity};

use super::exit::{Exit, Failure};
use super::output::{counted, print_json};
use super::plain::plain;
use super::recording::{LOGS, Window, inputs};

use judging::judge;

/// Judges recorded attempts again by other policies, and shows which verdicts would change
///
/// Reads the gateway's own audit log, including rotated and compressed files, and ActionTrail's deliveries. Attempts
/// that were denied and would be allowed come first, grouped by the statements that would allow them.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 no verdict would change, 1 at least one would, 2 the attempts could not be judged.

Example: ramgate replay audit.jsonl --policies policies-next")]
pub(super) struct Replay {
    /// Logs: files, folders, or `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// A policy directory to judge by; repeat the flag for more accounts
    #[arg(long, value_name = "DIR", required = true)]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    window: Window,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
    /// Annotations of GitHub Actions
    Github,
}

impl Replay {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let loaded = load_directories(&self.policies, AttributeSource::Question, now())?;
        let inventory = (!loaded.inventory.is_empty()).then_some(&loaded.inventory);
        let pdp = Pdp::new(Arc::new(loaded.directory));
        let (counts, errors) = judge(inputs(&self.logs, LOGS)?, &pdp, inventory, self.window)?;
        for error in &errors.first {
            tell!("{}", plain(&error.to_string()));
        }
        if errors.incomplete {
            let what = "a log could not be read to its end";
            return Err(Failure::new(what, "fix it: the result would cover only a part of the log"));
        }
        if counts.replayed == 0 && counts.unreplayed.is_empty() {
            return Err(Failure::new(
                "the logs contain no attempt that was judged",
                "name an audit log, or a longer time window",
            ));
        }
        match self.format {
            Format::Text => print_text(&counts, errors.count),
            Format::Json => print_json(json_of(&counts, errors.count, pdp.directory().revision())),
            Format::Github => print_github(&counts, &self.policies),
        }
        Ok(if counts.flips.is_empty() { Exit::Yes } else { Exit::No })
    }
}

fn print_text(counts: &ReplayCounts, unread: u64) {
    for flip in counts.in_order() {
        let what = match flip.direction {
            Direction::Opened => "denied then, ALLOWED now",
            Direction::Closed => "allowed then, DENIED now",
        };
        say!("{what}: {} by {}", counted(flip.attempts, "attempt"), flip.because);
        say!("  {} to {}, {}", flip.first, flip.last, plain(&principals(flip)));
        for example in &flip.examples {
            let (principal, resources) = (plain(&example.principal), plain(&example.resources.join(" and ")));
            say!("  {} {principal} {} on {resources}", example.time, plain(&example.action));
            say!("    id {}", plain(&example.id));
        }
        let more = flip.attempts.saturating_sub(flip.examples.len() as u64);
        if more > 0 {
            say!("  and {more} more");
        }
        say!("");
    }
    let (opened, closed) = totals(counts);
    say!(
        "{} judged again: {} as they were, {opened} would be allowed now, {closed} would be denied now",
        counted(counts.replayed, "attempt"),
        counts.same
    );
    for (why, count) in &counts.unreplayed {
        say!("{} not judged: {why}", counted(*count, "attempt"));
    }
    if counts.counted_only > 0 {
        let what = counted(counts.counted_only, "denied attempt");
        say!("{what} not judged: only counted by a Summary line, without the resources of each attempt");
    }
    if unread > 0 {
        say!("{} could not be read", counted(unread, "line"));
    }
}

fn principals(flip: &VerdictChange) -> String {
    let mut named: Vec<&str> = flip.principals.iter().map(String::as_str).collect();
    if flip.more_principals {
        named.push("others");
    }
    named.join(", ")
}

fn totals(counts: &ReplayCounts) -> (u64, u64) {
    let of =
        |direction| counts.flips.values().filter(|flip| flip.direction == direction).map(|flip| flip.attempts).sum();
    (of(Direction::Opened), of(Direction::Closed))
}

fn json_of(counts: &ReplayCounts, unread: u64, revision: &str) -> Value {
    let flips = |direction: Direction| -> Vec<Value> {
        let of_it = counts.in_order().into_iter().filter(|flip| flip.direction == direction);
        of_it
            .map(|flip| {
                let examples = flip.examples.iter().map(|example| {
                    json!({
                        "id": example.id, "time": example.time.to_string(), "principal": example.principal,
                        "action": example.action, "resources": example.resources,
                    })
                });
                json!({
                    "because": flip.because, "attempts": flip.attempts, "first": flip.first.to_string(),
                    "last": flip.last.to_string(), "principals": flip.principals,
                    "more_principals": flip.more_principals, "examples": examples.collect::<Vec<_>>(),
                })
            })
            .collect()
    };
    let unreplayed =
        counts.unreplayed.iter().map(|(why, count)| json!({ "reason": why.to_string(), "attempts": count }));
    json!({
        "policy_revision": revision, "events": counts.events, "replayed": counts.replayed, "same": counts.same,
        "opened": flips(Direction::Opened), "closed": flips(Direction::Closed),
        "not_replayed": unreplayed.collect::<Vec<_>>(), "not_judged_then": counts.not_judged, "counted_only": counts.counted_only, "unread_lines": unread,
    })
}

/// Annotates the account file, because the log is not a file of the repository.
fn print_github(counts: &ReplayCounts, policies: &[PathBuf]) {
    let file = policies.first().map(|path| path.join("account.toml").display().to_string()).unwrap_or_default();
    for flip in counts.in_order() {
        let (severity, title) = match flip.direction {
            Direction::Opened => (Severity::Error, "would be allowed now"),
            Direction::Closed => (Severity::Warning, "would be denied now"),
        };
        let example = flip.examples.first().map(|example| {
            format!("\nfor instance {} {} on {}", example.principal, example.action, example.resources.join(" and "))
        });
        let message =
            format!("{} by {}{}", counted(flip.attempts, "attempt"), flip.because, example.unwrap_or_default());
        say!("{}", annotation(severity, &file, Position { line: 1, column: 1 }, title, &message));
    }
    let (opened, closed) = totals(counts);
    say!("{} judged again: {opened} opened, {closed} closed", counted(counts.replayed, "attempt"));
}
