//! `ramgate audit stats`: counts attempts by verdict, and denials by principal, statement and code.

use std::collections::HashMap;

use clap::Args;
use serde_json::{Value, json};

use crate::audit::read::{Attempt, CountedAttempts, Stage, Verdict};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{OutputFormat, counted, print_json};

use super::filter::FilterArgs;
use super::log::LogArgs;
use super::row::{statements, verdict, who};
use crate::cli::plain::plain;

/// Counts attempts by verdict and by error code, and denials by principal and by statement
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 attempts were found, 1 none were found, 2 could not run.

Example: ramgate audit stats --since 7d")]
pub(in crate::cli) struct Stats {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    log: LogArgs,
    /// The number of rows in each table
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: u32,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Debug, Default)]
struct Counts {
    attempts: u64,
    /// The attempts among them that have no line of their own.
    counted_only: u64,
    verdicts: Counters,
    principals: Counters,
    statements: Counters,
    codes: Counters,
}

/// How often each name occurs. Callers choose some of the names, so the number of names is bounded.
#[derive(Debug, Default)]
struct Counters {
    counts: HashMap<String, u64>,
    others: u64,
}

const MOST_NAMES: usize = 100_000;

impl Stats {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let mut counts = Counts::default();
        self.log.each(|attempt| {
            if !self.filter.takes(&attempt) {
                return;
            }
            match attempt.event().counted() {
                Some(summed) => counts.take_counted(&attempt, summed),
                None if is_about_the_log(&attempt) => {}
                None => counts.take(&attempt),
            }
        })?;
        let sections = [
            ("verdicts", "attempts by verdict", &counts.verdicts),
            ("deniedPrincipals", "denied most", &counts.principals),
            ("denyingStatements", "denied by", &counts.statements),
            ("codes", "answered with", &counts.codes),
        ];
        let limit = self.limit as usize;
        match self.format {
            OutputFormat::Json => {
                let mut all = json!({ "attempts": counts.attempts, "countedOnly": counts.counted_only });
                for (name, _, counters) in sections {
                    all[name] = counters.json(limit).into();
                }
                print_json(all);
            }
            OutputFormat::Text => {
                say!("{}", counted(counts.attempts, "attempt"));
                if counts.counted_only > 0 {
                    let (have, them) = if counts.counted_only == 1 {
                        ("has no line of its", "it")
                    } else {
                        ("have no line of their", "them")
                    };
                    say!("{} of them {have} own: a Summary line counts {them}", counts.counted_only);
                }
                sections.into_iter().for_each(|(_, title, counters)| counters.print(title, limit));
            }
        }
        Ok(if counts.attempts > 0 { Exit::Yes } else { Exit::No })
    }
}

/// Whether a line is about the log itself, and not about attempts.
fn is_about_the_log(attempt: &Attempt) -> bool {
    attempt.event().gateway().is_some_and(|gateway| gateway.stage == Stage::Summary)
}

impl Counts {
    /// Counts the attempts that a `Summary` line represents.
    fn take_counted(&mut self, summary: &Attempt, counted: &CountedAttempts) {
        let event = summary.event();
        self.attempts += counted.attempts;
        self.counted_only += counted.attempts;
        self.verdicts.add(verdict(summary).to_owned(), counted.attempts);
        if let Some(error) = event.error() {
            self.codes.add(error.code.to_owned(), counted.attempts);
        }
        let Some(Verdict::ExplicitDeny | Verdict::ImplicitDeny) = summary.verdict() else { return };
        self.principals.add(event.user.arn().unwrap_or_else(|| who(event)), counted.attempts);
        self.statements.add("not recorded: the attempts were only counted".to_owned(), counted.attempts);
    }

    fn take(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.verdicts.count(verdict(attempt).to_owned());
        if let Some(error) = attempt.answer().error() {
            self.codes.count(error.code.to_owned());
        }
        let Some(Verdict::ExplicitDeny | Verdict::ImplicitDeny) = attempt.verdict() else { return };
        let event = attempt.event();
        // A session counts for its role, because the caller that assumes the role chooses the session's name.
        self.principals.count(event.user.arn().unwrap_or_else(|| who(event)));
        let statements = statements(event);
        if attempt.verdict() == Some(&Verdict::ExplicitDeny) {
            return statements.into_iter().for_each(|statement| self.statements.count(statement));
        }
        if statements.is_empty() {
            self.statements.count("no statement allows it".to_owned());
        }
        let possible = statements.into_iter().map(|statement| format!("{statement}, which cannot be ruled out"));
        possible.for_each(|statement| self.statements.count(statement));
    }
}

impl Counters {
    fn count(&mut self, name: String) {
        self.add(name, 1);
    }

    fn add(&mut self, name: String, count: u64) {
        if self.counts.len() >= MOST_NAMES && !self.counts.contains_key(&name) {
            self.others += count;
            return;
        }
        *self.counts.entry(name).or_default() += count;
    }

    /// The most frequent first, then by name.
    fn sorted(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        all.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        all
    }

    /// Prints each name with a bar in proportion to the most frequent.
    fn print(&self, title: &str, limit: usize) {
        const WIDTH: u64 = 40;
        let sorted = self.sorted();
        let Some((_, most)) = sorted.first() else { return };
        say!("\n{title}");
        let shown: Vec<(String, u64)> = sorted.iter().take(limit).map(|(name, count)| (plain(name), *count)).collect();
        let width = shown.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default().min(60);
        for (name, count) in shown {
            let bar = usize::try_from((count * WIDTH).div_ceil(*most)).unwrap_or_default();
            say!("  {name:<width$}  {count:>8}  {}", "#".repeat(bar));
        }
        let rest = sorted.iter().skip(limit).map(|(_, count)| count).sum::<u64>() + self.others;
        if rest > 0 {
            say!("  {:<width$}  {rest:>8}", "others");
        }
    }

    fn json(&self, limit: usize) -> Vec<Value> {
        let sorted = self.sorted().into_iter().take(limit);
        sorted.map(|(name, count)| json!({ "name": name, "count": count })).collect()
    }
}
