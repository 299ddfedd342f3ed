//! Denies that can never apply: ARNs that no call has, keys that no call carries, contradictory conditions.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{Catalog, KeySupply, Operation};
use ram_policy::{Actions, ArnPattern, Condition, Effect, Sense, Statement};

use super::reporter::Reporter;
use super::rule::DENY_NEVER_APPLIES;
use super::target::Target;

/// Skips actions that the catalogue does not know, because their resources and keys are unknown here.
pub(super) fn never_applies(reporter: &mut Reporter<'_>, statement: &Statement) {
    if statement.effect() != Effect::Deny {
        return;
    }
    if let Some((one, other)) = contradiction(statement) {
        let span = reporter.key(statement, other);
        let title = format!(
            "the Deny can never apply: no value of `{}` passes both `{}` and `{}`",
            other.written_key(),
            one.operator().name(),
            other.operator().name()
        );
        reporter.report(
            &DENY_NEVER_APPLIES,
            statement,
            span,
            title,
            "split it into two statements: all conditions of a statement must hold",
        );
        return;
    }
    let named = NamedOperations::of(statement);
    if named.attach {
        absent_key(reporter, statement);
    }
    patterns(reporter, statement, &named);
}

/// The operations that a statement names in full, without wildcards.
struct NamedOperations {
    operations: Vec<Arc<Operation>>,
    /// Whether the statement selects no other actions.
    only: bool,
    attach: bool,
}

impl NamedOperations {
    fn of(statement: &Statement) -> Self {
        let Actions::Action(patterns) = statement.actions() else {
            return Self { operations: Vec::new(), only: false, attach: false };
        };
        let catalog = Catalog::bundled();
        let operation = |text: &str| {
            catalog.operations().find(|operation| operation.action().as_str().eq_ignore_ascii_case(text)).cloned()
        };
        let found: Vec<_> = patterns.iter().map(|pattern| operation(pattern.as_str())).collect();
        let only = found.iter().all(Option::is_some);
        let operations: Vec<_> = found.into_iter().flatten().collect();
        let attach = operations.iter().any(|operation| operation.name() == Catalog::attach().name());
        Self { operations, only, attach }
    }

    fn list(&self) -> String {
        let names: Vec<_> = self.operations.iter().map(|operation| format!("`{}`", operation.action())).collect();
        names.join(", ")
    }
}

fn absent_key(reporter: &mut Reporter<'_>, statement: &Statement) {
    let catalog = Catalog::bundled();
    for condition in statement.conditions().iter().filter(|it| it.operator().sense() == Sense::Positive) {
        if let KeySupply::Never(why) = catalog.key_supply(Catalog::attach(), condition.key()) {
            let span = reporter.effect(statement);
            let title = format!(
                "the Deny can never apply to `{}`: it requires `{}` ({why})",
                Catalog::attach().action(),
                condition.written_key()
            );
            let help = "remove the action, or deny on a key that the call carries";
            reporter.report(&DENY_NEVER_APPLIES, statement, span, title, help);
            return;
        }
    }
}

fn patterns(reporter: &mut Reporter<'_>, statement: &Statement, named: &NamedOperations) {
    let ours = Catalog::bundled().operations().any(|operation| statement.actions().select(operation.action()));
    if !ours {
        return;
    }
    let targets: Vec<Target> = named.operations.iter().flat_map(|operation| Target::of(operation, None)).collect();
    let mut all_idle = true;
    for (index, pattern) in statement.resources().iter().enumerate() {
        let why = if let Some(why) = formless(pattern) {
            why.to_owned()
        } else if named.only && !targets.iter().any(|target| target.can_be(pattern)) {
            format!("no resource of {} has such an ARN", named.list())
        } else {
            all_idle = false;
            continue;
        };
        let span = reporter.resource(statement, index);
        let title = format!("the Deny can never apply to `{pattern}`: {why}");
        let help = "write an ARN such as `acs:ecs:*:*:eni/*` or `acs:ecs:*:*:instance/i-…`";
        reporter.report(&DENY_NEVER_APPLIES, statement, span, title, help);
    }
    let of_attach = Target::of(Catalog::attach(), None);
    let reached = || statement.resources().iter().any(|pattern| of_attach.iter().any(|target| target.can_be(pattern)));
    if named.attach && !all_idle && !reached() {
        let span = reporter.effect(statement);
        let title = format!("the Deny names `{}` but neither an ENI nor an instance", Catalog::attach().action());
        let help = "add `acs:ecs:*:*:eni/…` or `acs:ecs:*:*:instance/…`, or remove the action";
        reporter.report(&DENY_NEVER_APPLIES, statement, span, title, help);
    }
}

/// Why no ARN of ECS can match the pattern, for any action (`docs/spec/ram-policy.md` 2, 3).
fn formless(pattern: &ArnPattern) -> Option<&'static str> {
    let [service, region, account, relative] = pattern.fields()?;
    if !service.is_literal() || service.as_str() != "ecs" {
        return None;
    }
    // A colon in `${…}` is reported by the rule about variables.
    if relative.as_str().contains(':') && !relative.as_str().contains("${") {
        return Some("it has more than five fields, but an ECS ARN has five");
    }
    if region.as_str().contains('/') || account.as_str().contains('/') {
        return Some("its resource is in the region or account field");
    }
    if matches!(relative.as_str().strip_suffix('/').unwrap_or(relative.as_str()), "eni" | "instance") {
        return Some("a type without an ID matches nothing");
    }
    if region.as_str().is_empty() || account.as_str().is_empty() {
        return Some("its region or account field is empty, but resources of ECS have both");
    }
    None
}

/// Two conditions on the same key that no value can both pass.
fn contradiction(statement: &Statement) -> Option<(&Condition, &Condition)> {
    let conditions = statement.conditions();
    let pairs = conditions.iter().flat_map(|one| conditions.iter().map(move |other| (one, other)));
    pairs.filter(|(one, other)| one.key() == other.key()).find(|(one, other)| excluded(one, other) || past(one, other))
}

/// Whether `other` is the negation of `one` and excludes every value that `one` accepts.
fn excluded(one: &Condition, other: &Condition) -> bool {
    let negation = other.operator().name().replacen("Not", "", 1) == one.operator().name();
    let negated = other.operator().sense() == Sense::Negated && one.operator().sense() == Sense::Positive;
    let taken = |text: &str| other.values().iter().any(|excluded| excluded.as_str() == text);
    negation && negated && one.values().iter().all(|wanted| taken(wanted.as_str()))
}

/// Whether `one` requires a time later than `other` allows.
fn past(one: &Condition, other: &Condition) -> bool {
    let times = |condition: &Condition| -> Option<Vec<Timestamp>> {
        condition.values().iter().map(|wanted| wanted.as_str().parse().ok()).collect()
    };
    let (after, before) = (one.operator().name(), other.operator().name());
    let window = after.starts_with("DateGreaterThan") && before.starts_with("DateLessThan");
    let ends = || Some((times(one)?.into_iter().min()?, times(other)?.into_iter().max()?));
    let both_inclusive = after.ends_with("Equals") && before.ends_with("Equals");
    window && ends().is_some_and(|(from, to)| if both_inclusive { from > to } else { from >= to })
}
