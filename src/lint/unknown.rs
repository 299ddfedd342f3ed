//! Conditions on keys that the gateway cannot supply for an operation that the statement selects.

use crate::catalog::{Catalog, KeySupply, Operation, UnknownScope, Unlisted};
use ram_policy::{Actions, Condition, ContextKey, Document, Effect, Glob, Source, Statement};

use super::finding::{Finding, sort};
use super::reporter::Reporter;
use super::rule::KEY_NOT_SUPPLIED;
use super::target::Target;

/// Which operations without a file calls can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherOperations {
    /// None: they are refused, or go on unjudged.
    NotJudged,
    /// It is not known: those that a statement names letter by letter are looked at, and for keys that no operation
    /// with a file has, those that a wildcard selects.
    Perhaps,
    /// All of them are judged.
    Judged,
}

/// Services whose operations a gateway commonly stands in front of.
const JUDGED: [&str; 2] = ["ecs", "vpc"];
/// How many operations a finding names.
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
            Effect::Deny => "what the Deny covers there is refused, whatever the value is",
        };
        let key = condition.written_key();
        let title = format!("`{key}` is not known for {} ({why}): {consequence}", list(&operations));
        let help = help(catalog.unknown_scope(condition.key()));
        let span = reporter.key(statement, condition);
        reporter.report(&KEY_NOT_SUPPLIED, statement, span, title, help);
    }
}

/// What to do about a condition that turns on a key of that kind.
fn help(lack: UnknownScope<'_>) -> String {
    const ALWAYS: &str =
        "`acs:SourceIp`, `acs:PrincipalARN`, `acs:CurrentTime` and `acs:SecureTransport` are always supplied";
    match lack {
        UnknownScope::EveryOperation { instead: Some(instead), .. } => {
            format!("no setting supplies it, for any operation: use {instead}")
        }
        UnknownScope::EveryOperation { documented: true, instead: None } => {
            format!("no setting supplies it, for any operation: remove the condition; {ALWAYS}")
        }
        UnknownScope::EveryOperation { documented: false, instead: None } => {
            format!("correct its spelling, or remove the condition: no setting supplies such a key; {ALWAYS}")
        }
        UnknownScope::OfResource => {
            "`[resources]` supplies it for operations with a file only: name those in the statement \
                             (`ramgate actions` lists them)"
                .to_owned()
        }
        UnknownScope::RequestTag => {
            "the call supplies it to operations with a file that set tags: name those in the statement; \
                             tags that resources have already are `acs:ResourceTag/…`, from `[resources]`"
                .to_owned()
        }
        UnknownScope::ThisOperation => {
            "no setting supplies it there: leave those operations out of the statement, or tell their calls apart \
                       by `Resource` or by what is always supplied, such as `acs:SourceIp` and `acs:PrincipalARN`"
                .to_owned()
        }
    }
}

struct Unsupplied {
    operations: Vec<String>,
    /// Of the first of them.
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

/// Whether some call of the operation is about what the statement selects.
fn bears_on(statement: &Statement, operation: &Operation) -> bool {
    statement.actions().select(operation.action())
        && Target::of(operation, None)
            .iter()
            .any(|target| statement.resources().iter().any(|pattern| target.can_be(pattern)))
}

/// The operation without a file that a pattern names letter by letter.
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

/// Whether no operation with a file has the key, so that it bears on others alone.
fn is_of_others(catalog: &Catalog, key: &ContextKey) -> bool {
    catalog.operations().all(|operation| matches!(catalog.key_supply(operation, key), KeySupply::Never(_)))
        && unlisted(catalog, "ecs", "Other")
            .is_some_and(|operation| matches!(catalog.key_supply(&operation, key), KeySupply::Unknown(_)))
}

/// Whether operations of ECS are selected that have no file.
fn selects_others(statement: &Statement) -> bool {
    // No operation has such a name, and a wildcard that selects unlisted operations selects one of these.
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
