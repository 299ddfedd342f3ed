//! `ramgate audit show`: shows one attempt with everything that the log records about it.

use std::io::{Read, stdin};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::audit::read::{Attempt, Condition, Event, JudgedResource, MatchedStatement, PossibleDeny, Verdict};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{OutputFormat, print_json};

use super::again::Again;
use super::log::LogArgs;
use super::row::{decision, is_summary, json, status, verdict, who};
use crate::cli::plain::plain;

/// Shows one attempt: the caller, the request, the decision, the answer, and the outcome
///
/// The log names the statement that decided, or that came nearest. With `--policies`, the attempt is judged again by a
/// policy directory, and every statement is shown with the reason why it did or did not apply.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 found, 1 not found, 2 could not run.

Example: kubectl describe pod web-0 | ramgate audit show -
         ramgate audit show 0A1B2C3D-4E5F-4071-8293-A4B5C6D7E803 --policies policies")]
pub(in crate::cli) struct Show {
    /// The id of the event, or of the request as callers see it; `-` finds ids in a text on standard input, such as an
    /// error of Terraform or an event of Kubernetes
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    log: LogArgs,
    /// A policy directory by which to judge the attempt again; repeat the flag for more accounts
    #[arg(long, value_name = "DIR")]
    policies: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// The most bytes that are read of a pasted text.
const LONGEST_PASTE: u64 = 1 << 20;
/// The most attempts that are shown for one text.
const MOST_SHOWN: usize = 100;

impl Show {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ids = if self.id == "-" { pasted()? } else { vec![self.id.clone()] };
        let again = (!self.policies.is_empty()).then(|| Again::load(&self.policies)).transpose()?;
        let mut found: Vec<Attempt> = Vec::new();
        self.log.each(|attempt| {
            if let Some(again) = &again {
                again.learn(attempt.event());
            }
            if found.len() < MOST_SHOWN && ids.iter().any(|id| attempt.is_called(id)) {
                found.push(attempt);
            }
        })?;
        match self.format {
            OutputFormat::Json => {
                let shown = found.iter().map(|attempt| {
                    let mut shown = json(attempt);
                    if let Some(again) = &again {
                        shown["judgedAgain"] = again.json(attempt);
                    }
                    shown
                });
                print_json(json!({ "attempts": shown.collect::<Vec<Value>>() }));
            }
            OutputFormat::Text => {
                for attempt in &found {
                    print(attempt);
                    if let Some(again) = &again {
                        again.print(attempt);
                    }
                }
            }
        }
        if found.is_empty() {
            tell!("no attempt has the id {}", plain(&ids.join(" or ")));
            return Ok(Exit::No);
        }
        Ok(Exit::Yes)
    }
}

fn pasted() -> Result<Vec<String>, Failure> {
    let mut bytes = Vec::new();
    let read = stdin().lock().take(LONGEST_PASTE).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(format!("standard input cannot be read: {error}"), "paste a text"))?;
    let ids = ids_in(&String::from_utf8_lossy(&bytes));
    if ids.is_empty() {
        let what = "the text on standard input contains no request id";
        return Err(Failure::new(what, "a request id looks like 0A1B2C3D-4E5F-4071-8293-A4B5C6D7E803"));
    }
    Ok(ids)
}

/// All UUIDs in a text, each once.
fn ids_in(text: &str) -> Vec<String> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let words = text.split(|character: char| !character.is_ascii_hexdigit() && character != '-');
    let mut ids: Vec<String> = Vec::new();
    for word in words.map(|word| word.trim_matches('-')) {
        let groups: Vec<usize> = word.split('-').map(str::len).collect();
        let id = word.to_ascii_uppercase();
        if groups == GROUPS && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn print(attempt: &Attempt) {
    let event = attempt.event();
    let gateway = event.gateway();
    let region = event.region.as_deref().map(|region| format!(" in {region}")).unwrap_or_default();
    say!("{}  {}{}: {}\n", event.time, plain(&event.name), plain(&region), plain(verdict(attempt)));
    row("who", caller(event));
    let over = event.transport().map(|transport| format!(" over {transport}")).unwrap_or_default();
    let agent = event.user_agent.as_deref().map(|agent| format!(", {agent}")).unwrap_or_default();
    row("from", format!("{}{over}{agent}", event.source.as_deref().unwrap_or("an unknown address")));
    if let Some(gateway) = gateway {
        let scheme = gateway.signature.scheme.as_deref().unwrap_or("none");
        row("signed", format!("{scheme}, {}", if gateway.signature.verified { "verified" } else { "not verified" }));
    }
    for (at, (name, value)) in event.parameters.iter().enumerate() {
        row(if at == 0 { "asked" } else { "" }, format!("{name} = {value}"));
    }
    if let Some(reason) = gateway.and_then(|gateway| gateway.reason.as_deref()) {
        row("why", reason);
    }
    if let Some(decision) = decision(event) {
        let layer = decision.policy_type.as_deref().map(|layer| format!(", refused by {layer}")).unwrap_or_default();
        row("decision", format!("{}{layer}", decision.action));
        decision.resources.iter().for_each(print_resource);
        print_conditions("with", decision.conditions());
    }
    if let Some(revision) = gateway.and_then(|gateway| gateway.policy_revision.as_deref()) {
        row("policies", revision);
    }
    print_answer(attempt);
    for (name, id) in [("event", &event.event_id), ("request", &attempt.answer().request_id)] {
        if let Some(id) = id {
            row(name, id);
        }
    }
    for line in std::iter::once(&attempt.line).chain(&attempt.outcome) {
        let seq = line.seq.map(|seq| format!(", number {seq} of its chain")).unwrap_or_default();
        row("line", format!("{}{seq}", line.place));
    }
    say!("");
}

fn caller(event: &Event) -> String {
    let user = &event.user;
    let account = user.account.as_deref().map(|account| format!(" of account {account}")).unwrap_or_default();
    let key = user.access_key_id.as_deref().map(|key| format!(", with key {key}")).unwrap_or_default();
    format!("{}{account}{key}", who(event))
}

fn print_resource(resource: &JudgedResource) {
    row("", format!("{}: {}", resource.arn, resource.verdict));
    for statement in &resource.matched {
        row("", format!("  {} by {}", statement.effect, described(statement)));
    }
    if let Some(PossibleDeny { statement, unknown_key }) = &resource.possible_deny {
        let unknown = unknown_key.as_deref().map(|key| format!(": {key} is not known")).unwrap_or_default();
        row("", format!("  {} by {} cannot be ruled out{unknown}", statement.effect, described(statement)));
    } else if resource.matched.is_empty() && resource.verdict == Verdict::ImplicitDeny {
        row("", "  no statement allows it");
    }
    print_conditions("", resource.conditions.as_deref().unwrap_or_default());
}

/// `OfficeOnly#1`, with what it is attached to and the digest of its document.
fn described(statement: &MatchedStatement) -> String {
    let attached = statement.attached_to.as_deref().map(|to| format!(", attached to {to}")).unwrap_or_default();
    let digest = statement.digest.as_deref().map(|digest| format!(", {digest}")).unwrap_or_default();
    format!("{}{attached}{digest}", statement.place())
}

fn print_conditions(name: &str, conditions: &[Condition]) {
    for (at, condition) in conditions.iter().enumerate() {
        row(if at == 0 { name } else { "" }, format!("{} = {}", condition.key, condition.values.join(", ")));
    }
}

/// Prints the answer that the caller got, and where it came from.
fn print_answer(attempt: &Attempt) {
    if is_summary(attempt.event()) {
        return;
    }
    if attempt.is_open() {
        row("got", "no outcome is recorded: the call was sent, or was about to be");
        return;
    }
    let answer = attempt.answer();
    let status = status(attempt).map(|status| status.to_string());
    let error = answer.error().map(|error| match error.message {
        Some(message) => format!("{}: {message}", error.code),
        None => error.code.to_owned(),
    });
    let got: Vec<String> = status.into_iter().chain(error).collect();
    row("got", if got.is_empty() { "success".to_owned() } else { got.join(" ") });
    let Some(gateway) = answer.gateway() else { return };
    if let Some(upstream) = &gateway.upstream {
        let endpoint = upstream.endpoint.as_deref().unwrap_or("the upstream");
        let status = upstream.status.map(|status| format!(" {status}")).unwrap_or_default();
        let latency = upstream.latency_ms.map(|latency| format!(" after {latency} ms")).unwrap_or_default();
        row("upstream", format!("{endpoint}{status}{latency}"));
    }
    if let (Some(_), Some(failure)) = (&attempt.outcome, &gateway.reason) {
        row("failure", failure);
    }
}

fn row(name: &str, text: impl AsRef<str>) {
    say!("  {name:<9} {}", plain(text.as_ref()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_found_in_pasted_text() {
        let terraform = "│ Error: [ERROR] terraform-provider-alicloud/alicloud/resource.go:113: Resource AttachNetworkInterface Failed!!! \
             code: 403, User not authorized request id: 0A1B2C3D-4E5F-4071-8293-A4B5C6D7E803\n│ Data: {\"RequestId\":\"0a1b2c3d-4e5f-4071-8293-a4b5c6d7e803\"}";
        assert_eq!(ids_in(terraform), ["0A1B2C3D-4E5F-4071-8293-A4B5C6D7E803"]);
        assert!(ids_in("eni-bp17pdijfczax1huji01 12345678-1234-1234-1234-1234567890123").is_empty());
    }
}
