//! Conditions on keys that the gateway cannot supply for an operation that the statement selects.

use crate::catalog::{Catalog, KeySupply, Operation, UnknownScope, Unlisted};
use ram_policy::{Actions, Condition, ContextKey, Document, Effect, Glob, Source, Statement};

use super::finding::{Finding, sort};
use super::reporter::Reporter;
use super::rule::KEY_NOT_SUPPLIED;
use super::target::Target;

/// How the gateway treats operations without a file in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherOperations {
    /// They are refused, or forwarded without judging.
    NotJudged,
    /// Not known. Operations that a statement names in full are checked; those that a wildcard selects are checked only
    /// for keys that no operation with a file has.
    Perhaps,
    /// They are judged, so all of them are checked.
    Judged,
}

/// Services that a gateway commonly serves.
const JUDGED: [&str; 2] = ["ecs", "vpc"];
/// The number of operations that a finding lists.
const MOST_NAMES: usize = 4;

/// Each condition whose key is unknown for an operation that the statement selects, with those operations.
pub fn unsupplied_keys(document: &Document, source: &Source, others: OtherOperations) -> Vec<Finding> {
    let mut reporter = Reporter::new(document, source);
    for statement in document.statements() {
        report(&mut reporter, statement, others);
    }
    let mut findings = reporter.finish();
    sort(&mut findings);
    findings
}

/// The findings that do not depend on a configuration.
pub(super) fn not_supplied(reporter: &mut Reporter<'_>, statement: &Statement) {
    report(reporter, statement, OtherOperations::Perhaps);
}

fn report(reporter: &mut Reporter<'_>, statement: &Statement, others: OtherOperations) {
    let catalog = Catalog::bundled();
    for condition in statement.conditions() {
        let Some(Unsupplied { operations, why }) = Unsupplied::of(&catalog, statement, condition, others) else {
            continue;
        };
        let consequence = match statement.effect() {
            Effect::Allow => "the Allow never applies there",
            Effect::Deny => "every call that the Deny covers there is refused",
        };
        let key = condition.written_key();
        let title = format!("`{key}` is not known for {} ({why}): {consequence}", list(&operations));
        let help = help(catalog.unknown_scope(condition.key()));
        let span = reporter.key(statement, condition);
        reporter.report(&KEY_NOT_SUPPLIED, statement, span, title, help);
    }
}

/// The remedy for a condition on an unknown key.
fn help(lack: UnknownScope<'_>) -> String {
    const ALWAYS: &str =
        "`acs:SourceIp`, `acs:PrincipalARN`, `acs:CurrentTime` and `acs:SecureTransport` are always supplied";
    match lack {
        UnknownScope::EveryOperation { instead: Some(instead), .. } => {
            format!("no setting supplies it for any operation: use {instead}")
        }
        UnknownScope::EveryOperation { documented: true, instead: None } => {
            format!("no setting supplies it for any operation: remove the condition; {ALWAYS}")
        }
        UnknownScope::EveryOperation { documented: false, instead: None } => {
            format!("correct its spelling, or remove the condition: no setting supplies such a key; {ALWAYS}")
        }
        UnknownScope::OfResource => {
            "`[resources]` supplies it only for operations with a file: name those in the statement \
                             (`ramgate actions` lists them)"
                .to_owned()
        }
        UnknownScope::RequestTag => {
            "a call supplies it only for operations with a file that set tags: name those in the statement; \
                             existing tags of resources are `acs:ResourceTag/…`, which `[resources]` supplies"
                .to_owned()
        }
        UnknownScope::ThisOperation => {
            "no setting supplies it there: remove those operations from the statement, or distinguish their calls \
                       by `Resource` or by keys that are always supplied, such as `acs:SourceIp` and `acs:PrincipalARN`"
                .to_owned()
        }
    }
}

struct Unsupplied {
    operations: Vec<String>,
    /// The reason for the first operation.
    why: String,
}

impl Unsupplied {
    fn of(catalog: &Catalog, statement: &Statement, condition: &Condition, others: OtherOperations) -> Option<Self> {
        let key = condition.key();
        let (mut operations, mut reasons) = (Vec::new(), Vec::new());
        let mut add = |name: String, operation: &Operation| {
            if let KeySupply::Unknown(why) = catalog.key_supply(operation, key) {
                operations.push(name);
                reasons.push(why.to_owned());
            }
        };
        for operation in catalog.operations().filter(|operation| bears_on(statement, operation)) {
            add(format!("`{}`", operation.name()), operation);
        }
        let patterns = match statement.actions() {
            Actions::Action(patterns) => &**patterns,
            Actions::NotAction(_) => &[],
        };
        if others != OtherOperations::NotJudged {
            for (name, operation) in patterns.iter().filter_map(|pattern| named(catalog, pattern)) {
                add(format!("`{name}`"), &operation);
            }
        }
        let by_wildcard = match others {
            OtherOperations::NotJudged => false,
            OtherOperations::Perhaps => is_of_others(catalog, key),
            OtherOperations::Judged => true,
        };
        if by_wildcard && selects_others(statement) {
            let other = unlisted(catalog, "ecs", "Other")?;
            add("operations without a file (`other = \"evaluate\"`)".to_owned(), &other);
        }
        let why = reasons.into_iter().next()?;
        Some(Self { operations, why })
    }
}

/// Whether the statement selects some call of the operation.
fn bears_on(statement: &Statement, operation: &Operation) -> bool {
    statement.actions().select(operation.action())
        && Target::of(operation, None)
            .iter()
            .any(|target| statement.resources().iter().any(|pattern| target.can_be(pattern)))
}

/// The operation without a file that a pattern names in full.
fn named(catalog: &Catalog, pattern: &Glob) -> Option<(String, Operation)> {
    let (service, name) = pattern.as_str().split_once(':').filter(|_| pattern.is_literal())?;
    let listed = |it: &Operation| it.action().as_str().eq_ignore_ascii_case(pattern.as_str());
    if !JUDGED.iter().any(|judged| judged.eq_ignore_ascii_case(service))
        || catalog.operations().any(|operation| listed(operation))
    {
        return None;
    }
    Some((name.to_owned(), unlisted(catalog, &service.to_ascii_lowercase(), name)?))
}

fn unlisted(catalog: &Catalog, service: &str, name: &str) -> Option<Operation> {
    catalog.unlisted(Unlisted { name, version: "", service, product: "" })
}

/// Whether no operation with a file has the key, so that it matters only for operations without one.
fn is_of_others(catalog: &Catalog, key: &ContextKey) -> bool {
    catalog.operations().all(|operation| matches!(catalog.key_supply(operation, key), KeySupply::Never(_)))
        && unlisted(catalog, "ecs", "Other")
            .is_some_and(|operation| matches!(catalog.key_supply(&operation, key), KeySupply::Unknown(_)))
}

/// Whether the statement selects operations of ECS that have no file.
fn selects_others(statement: &Statement) -> bool {
    // Invented names. A wildcard that selects operations without a file selects one of these.
    let made_up = ["ecs:RunSomethingElse", "ecs:DescribeSomethingElse", "ecs:ModifySomethingElse"];
    made_up.iter().any(|action| action.parse().is_ok_and(|action| statement.actions().select(&action)))
}

fn list(operations: &[String]) -> String {
    let mut text = operations.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if operations.len() > MOST_NAMES {
        text.push_str(&format!(" and {} more", operations.len() - MOST_NAMES));
    }
    text
}
