//! `ramgate generate`: a least-privilege policy from what a principal was recorded to do.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::audit::read::{Events, Located, ReadError};
use crate::catalog::Catalog;
use crate::envelope::json_lines;
use crate::replay::{Attempt, AttemptError, GenerateOptions, GeneratedPolicy, Granularity, RecordedVerdict, generate};
use ram_policy::{Identity, PrincipalName};

use super::exit::{Exit, Failure};
use super::output::{OutputFormat, counted, print_json};
use super::plain::plain;
use super::recording::{LOGS, Window, inputs};

/// Makes a policy that allows just what a principal was recorded to do
///
/// The policy goes to standard output, the evidence for each statement to standard error; `--format json` has both. It is
/// judged by what it was made of before it is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 made, 1 it would allow something that was denied (nothing is shown), 2 it could not be made.

Example: ramgate generate audit.jsonl --principal role/terway --since 90d --grain prefix > policies/terway.json")]
pub(super) struct Generate {
    /// Logs: files, folders, or `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Whose attempts: `role/terway`, with `ACCOUNT:` in front where the log has several accounts
    #[arg(long, value_name = "PRINCIPAL")]
    principal: PrincipalName,
    #[command(flatten)]
    window: Window,
    /// How closely resources are named
    #[arg(long, value_enum, default_value_t)]
    grain: Grained,
    /// Allow from the recorded addresses only (the networks around them where there are many)
    #[arg(long)]
    source_range: bool,
    /// Allow what was denied too: for what should have been allowed
    #[arg(long)]
    include_denied: bool,
    /// Show the policy though it would allow some of what was denied
    #[arg(long)]
    accept_more: bool,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Grained {
    /// Each by its ARN
    #[default]
    Arn,
    /// By what the ids of a type begin with
    Prefix,
    /// Every one of a type
    Wildcard,
}

/// A policy document has no more characters (`docs/spec/ram-policy.md` 1.4).
const LONGEST: usize = 6144;
const MOST_SHOWN: usize = 5;
/// Attempts that are kept for the check.
const MOST_ATTEMPTS: usize = 2_000_000;

impl Generate {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let attempts = self.attempts()?;
        let (allowed, denied): (Vec<_>, Vec<_>) = attempts
            .into_iter()
            .partition(|attempt| self.include_denied || attempt.recorded == RecordedVerdict::Allowed);
        if allowed.is_empty() {
            let what = format!(
                "the logs hold no {} of `{}`",
                if denied.is_empty() { "attempt" } else { "allowed attempt" },
                self.principal.identity
            );
            return Err(Failure::new(what, "name another principal or log, a longer `--since`, or `--include-denied`"));
        }
        let grain = match self.grain {
            Grained::Arn => Granularity::Arn,
            Grained::Prefix => Granularity::Prefix,
            Grained::Wildcard => Granularity::Type,
        };
        let wanted = GenerateOptions { granularity: grain, source_range: self.source_range };
        let generated = generate(&allowed, &denied, wanted)
            .map_err(|why| Failure::new(why, "this is a fault of ours: report it with the log"))?;
        if !generated.overreach.is_empty() && !self.accept_more {
            tell!("the policy would allow {} that was denied:", counted(generated.overreach.len() as u64, "attempt"));
            for over in generated.overreach.iter().take(MOST_SHOWN) {
                tell!("  {}", plain(&format!("{} {} on {}", over.id, over.action, over.resources.join(" and "))));
            }
            tell!(
                "help: RAM judges each resource by itself; name them more closely with `--grain arn` or `--source-range`, or accept it with `--accept-more`"
            );
            return Ok(Exit::No);
        }
        self.show(&generated);
        Ok(Exit::Yes)
    }

    /// All of the principal's, in the order in which they were recorded.
    fn attempts(&self) -> Result<Vec<Attempt>, Failure> {
        let catalog = Catalog::bundled();
        let mut found: Vec<Attempt> = Vec::new();
        let (mut unreadable, mut counted_only) = (0_u64, 0_u64);
        for located in Events::new(inputs(&self.logs, LOGS)?) {
            let Located { event, .. } = match located {
                Ok(located) => located,
                Err(ReadError::Line { place, why }) => {
                    tell!("{}", plain(&format!("{place}: {why}")));
                    continue;
                }
                Err(fault) => {
                    return Err(Failure::new(fault.to_string(), "what was read of it would not be all of it"));
                }
            };
            if !self.window.contains(event.time) || !event.user.arn().is_some_and(|arn| self.is_meant(&arn)) {
                continue;
            }
            counted_only += event.counted().map_or(0, |counted| counted.attempts);
            match Attempt::read(&event, &catalog) {
                Ok(attempt) => found.push(attempt),
                Err(AttemptError::NotJudged) => {}
                Err(_) => unreadable += 1,
            }
            if found.len() > MOST_ATTEMPTS {
                let what = format!("the logs hold more than {MOST_ATTEMPTS} attempts of the principal");
                return Err(Failure::new(what, "shorten the window with `--since`"));
            }
        }
        if let Some(other) = found.iter().find(|attempt| attempt.principal != found[0].principal) {
            let (one, other) = (found[0].principal.to_string(), other.principal.to_string());
            let what = format!("the logs hold `{one}` and `{other}`");
            return Err(Failure::new(what, "write the account in front of the principal"));
        }
        if found.first().is_some_and(Attempt::is_root) {
            return Err(Failure::new("the account's root has all rights", "a policy is for a user or a role"));
        }
        if counted_only > 0 {
            let what = counted(counted_only, "refused attempt");
            tell!("{what} of the principal have no line of their own, and are no part of the check");
        }
        if unreadable > 0 {
            tell!("{} could not be read as attempts, and are no part of the policy", counted(unreadable, "event"));
        }
        Ok(found)
    }

    fn is_meant(&self, arn: &str) -> bool {
        let Ok(PrincipalName { account: Some(account), identity }) = arn.parse::<PrincipalName>() else {
            return false;
        };
        let same = match (&identity, &self.principal.identity) {
            // A role's ARN has its name in lower case.
            (Identity::Role(one), Identity::Role(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        };
        same && self.principal.account.as_ref().is_none_or(|wanted| *wanted == account)
    }

    fn show(&self, generated: &GeneratedPolicy) {
        let text = json_lines(&generated.policy);
        if self.format == OutputFormat::Json {
            let evidence = generated.evidence.iter().enumerate().map(|(statement, (actions, evidence))| {
                json!({
                    "statement": statement, "actions": actions, "attempts": evidence.attempts,
                    "first": evidence.first.to_string(), "last": evidence.last.to_string(),
                    "examples": evidence.examples, "combinations": evidence.together.len(),
                })
            });
            let evidence: Vec<Value> = evidence.collect();
            let over: Vec<Value> = generated
                .overreach
                .iter()
                .map(|over| json!({ "id": over.id, "action": over.action, "resources": over.resources }))
                .collect();
            print_json(json!({ "policy": generated.policy, "evidence": evidence, "allows_denied": over }));
            return;
        }
        for (statement, (actions, evidence)) in generated.evidence.iter().enumerate() {
            tell!(
                "statement {statement}: {} of {}, {} to {}, such as {}",
                counted(evidence.attempts, "attempt"),
                actions.join(", "),
                evidence.first,
                evidence.last,
                plain(&evidence.examples.join(", "))
            );
        }
        let length = text.chars().count();
        if length > LONGEST {
            tell!("warning: the policy has {length} characters, and RAM takes {LONGEST}: try `--grain prefix`");
        }
        say!("{text}");
    }
}
