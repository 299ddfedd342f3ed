//! `ramgate generate`: makes a least-privilege policy from a principal's recorded attempts.

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

/// Makes a policy that allows only what a principal was recorded to do
///
/// The policy is written to standard output, and the evidence for each statement to standard error; `--format json` has
/// both. Before the policy is shown, the recorded attempts are judged by it.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 made, 1 the policy would allow something that was denied (it is not shown), 2 it could not be made.

Example: ramgate generate audit.jsonl --principal role/terway --since 90d --grain prefix > policies/terway.json")]
pub(super) struct Generate {
    /// Logs: files, folders, or `-` for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// The principal, such as `role/terway`; if the log has several accounts, with the prefix `ACCOUNT:`
    #[arg(long, value_name = "PRINCIPAL")]
    principal: PrincipalName,
    #[command(flatten)]
    window: Window,
    /// How precisely resources are named
    #[arg(long, value_enum, default_value_t)]
    grain: Grained,
    /// Allow calls only from the recorded addresses (or from the networks around them if there are many)
    #[arg(long)]
    source_range: bool,
    /// Also allow recorded attempts that were denied, if they should have been allowed
    #[arg(long)]
    include_denied: bool,
    /// Show the policy even if it would allow attempts that were denied
    #[arg(long)]
    accept_more: bool,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Grained {
    /// Each resource by its ARN
    #[default]
    Arn,
    /// By the common prefix of the ids of a type
    Prefix,
    /// All resources of a type
    Wildcard,
}

/// The most characters of a policy document (`docs/spec/ram-policy.md` 1.4).
const LONGEST: usize = 6144;
const MOST_SHOWN: usize = 5;
/// The most attempts of the principal. All are held in memory for the check.
const MOST_ATTEMPTS: usize = 2_000_000;

impl Generate {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let attempts = self.attempts()?;
        let (allowed, denied): (Vec<_>, Vec<_>) = attempts
            .into_iter()
            .partition(|attempt| self.include_denied || attempt.recorded == RecordedVerdict::Allowed);
        if allowed.is_empty() {
            let what = format!(
                "the logs contain no {} of `{}`",
                if denied.is_empty() { "attempt" } else { "allowed attempt" },
                self.principal.identity
            );
            return Err(Failure::new(
                what,
                "name another principal or log, an earlier `--since`, or `--include-denied`",
            ));
        }
        let grain = match self.grain {
            Grained::Arn => Granularity::Arn,
            Grained::Prefix => Granularity::Prefix,
            Grained::Wildcard => Granularity::Type,
        };
        let wanted = GenerateOptions { granularity: grain, source_range: self.source_range };
        let generated = generate(&allowed, &denied, wanted)
            .map_err(|why| Failure::new(why, "this is a bug in ramgate: report it with the log"))?;
        if !generated.overreach.is_empty() && !self.accept_more {
            tell!("the policy would allow {} that was denied:", counted(generated.overreach.len() as u64, "attempt"));
            for over in generated.overreach.iter().take(MOST_SHOWN) {
                tell!("  {}", plain(&format!("{} {} on {}", over.id, over.action, over.resources.join(" and "))));
            }
            tell!(
                "help: RAM judges each resource separately; narrow the policy with `--grain arn` or `--source-range`, or accept it with `--accept-more`"
            );
            return Ok(Exit::No);
        }
        self.show(&generated);
        Ok(Exit::Yes)
    }

    /// All attempts of the principal, in the order in which they were recorded.
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
                Err(error) => {
                    return Err(Failure::new(
                        error.to_string(),
                        "fix it: a policy from a part of the log may allow too little",
                    ));
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
                let what = format!("the logs contain more than {MOST_ATTEMPTS} attempts of the principal");
                return Err(Failure::new(what, "shorten the window with `--since`"));
            }
        }
        if let Some(other) = found.iter().find(|attempt| attempt.principal != found[0].principal) {
            let (one, other) = (found[0].principal.to_string(), other.principal.to_string());
            let what = format!("the logs contain both `{one}` and `{other}`");
            return Err(Failure::new(what, "add the prefix `ACCOUNT:` to the principal"));
        }
        if found.first().is_some_and(Attempt::is_root) {
            return Err(Failure::new("the account's root needs no policy: it has all rights", "name a user or a role"));
        }
        if counted_only > 0 {
            let what = counted(counted_only, "refused attempt");
            tell!("not checked: {what} of the principal without a line in the log (a Summary line counts them)");
        }
        if unreadable > 0 {
            tell!("not part of the policy: {} that could not be read as attempts", counted(unreadable, "event"));
        }
        Ok(found)
    }

    fn is_meant(&self, arn: &str) -> bool {
        let Ok(PrincipalName { account: Some(account), identity }) = arn.parse::<PrincipalName>() else {
            return false;
        };
        let same = match (&identity, &self.principal.identity) {
            // ARNs have the names of roles in lower case.
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
            tell!("warning: the policy is {length} characters long; RAM's limit is {LONGEST}: try `--grain prefix`");
        }
        say!("{text}");
    }
}
