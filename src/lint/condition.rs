//! Rules about conditions: keys that never occur, operators of the wrong type, negated operators on an Allow.

use crate::catalog::{Catalog, KeySupply};
use ram_policy::{Compares, Condition, ContextKey, Effect, KeyType, Sense, Statement};

use super::reporter::Reporter;
use super::rule::{KEY_NEVER_PRESENT, KEY_OF_ANOTHER_TYPE, NEGATED_ALLOW};
use super::target::selects_attach;

/// A condition on a key that the call never carries has the same result every time (`docs/spec/ram-policy.md` 4.3,
/// 4.6).
pub(super) fn never_present(reporter: &mut Reporter<'_>, statement: &Statement) {
    if !selects_attach(statement) {
        return;
    }
    let catalog = Catalog::bundled();
    for condition in statement.conditions() {
        if let KeySupply::Never(why) = catalog.key_supply(Catalog::attach(), condition.key()) {
            let consequence = match (condition.operator().sense(), statement.effect()) {
                (Sense::Positive, Effect::Allow) => "the Allow never applies to it",
                (Sense::Positive, Effect::Deny) => "the Deny never applies to it",
                (Sense::Negated, _) => "the condition always holds for it",
            };
            let span = reporter.key(statement, condition);
            let title = format!(
                "`{}` is never part of AttachNetworkInterface ({why}), so {consequence}",
                condition.written_key()
            );
            let help = "remove the condition, or move the actions that carry the key into a separate statement";
            reporter.report(&KEY_NEVER_PRESENT, statement, span, title, help);
        }
    }
}

/// An operator whose type differs from that of the key's values (`docs/spec/ram-policy.md` 4.2).
pub(super) fn of_another_type(reporter: &mut Reporter<'_>, statement: &Statement) {
    for condition in statement.conditions() {
        let Some(held) = values(condition.key()) else { continue };
        let compared = condition.operator().compares();
        if compared != held {
            let (operator, key) = (condition.operator().name(), condition.written_key());
            let title = format!("`{operator}` compares {}, but `{key}` holds {}", plural(compared), singular(held));
            let span = reporter.key(statement, condition);
            reporter.report(&KEY_OF_ANOTHER_TYPE, statement, span, title, suitable(held, condition));
        }
    }
}

/// A negated operator on an Allow, which also holds if the key is absent (`docs/spec/ram-policy.md` 4.3).
pub(super) fn negated_allow(reporter: &mut Reporter<'_>, statement: &Statement) {
    let ours = || Catalog::bundled().operations().any(|operation| statement.actions().select(operation.action()));
    if statement.effect() != Effect::Allow || !ours() {
        return;
    }
    let selects_attach = selects_attach(statement);
    for condition in statement.conditions().iter().filter(|it| it.operator().sense() == Sense::Negated) {
        let may_be_absent = match Catalog::bundled().key_supply(Catalog::attach(), condition.key()) {
            // If the key is unknown, the Allow does not apply.
            KeySupply::Always | KeySupply::Unknown(_) => false,
            KeySupply::Sometimes => true,
            KeySupply::Never(_) => !selects_attach,
        };
        if may_be_absent {
            let (operator, key) = (condition.operator().name(), condition.written_key());
            let title = format!("the Allow also applies if `{key}` is absent, because `{operator}` holds then");
            let help = "list the allowed values with the positive operator, or deny the other values";
            let span = reporter.key(statement, condition);
            reporter.report(&NEGATED_ALLOW, statement, span, title, help);
        }
    }
}

/// The type of a key's values; `None` if it is not documented.
fn values(key: &ContextKey) -> Option<Compares> {
    let catalog = Catalog::bundled();
    Some(match catalog.condition_keys().find(key)?.value_type {
        KeyType::Text => Compares::Texts,
        KeyType::Address => Compares::Addresses,
        KeyType::Time => Compares::Dates,
        KeyType::Boolean => Compares::Booleans,
    })
}

fn plural(compares: Compares) -> &'static str {
    match compares {
        Compares::Texts => "texts",
        Compares::Numbers => "numbers",
        Compares::Dates => "dates",
        Compares::Booleans => "Booleans",
        Compares::Addresses => "addresses",
    }
}

fn singular(compares: Compares) -> &'static str {
    match compares {
        Compares::Texts => "a text",
        Compares::Numbers => "a number",
        Compares::Dates => "a date",
        Compares::Booleans => "a Boolean",
        Compares::Addresses => "an address",
    }
}

/// The operators that fit the key, in the same sense as the one written.
fn suitable(held: Compares, condition: &Condition) -> &'static str {
    let negated = condition.operator().sense() == Sense::Negated;
    match (held, negated) {
        (Compares::Texts, false) => "use `StringEquals` or `StringLike`",
        (Compares::Texts, true) => "use `StringNotEquals` or `StringNotLike`",
        (Compares::Numbers, false) => "use `NumericEquals` or another of the `Numeric` operators",
        (Compares::Numbers, true) => "use `NumericNotEquals`",
        (Compares::Dates, _) => "use `DateLessThan`, `DateGreaterThan` or another of the `Date` operators",
        (Compares::Booleans, _) => "use `Bool` with `\"true\"` or `\"false\"`",
        (Compares::Addresses, false) => "use `IpAddress`",
        (Compares::Addresses, true) => "use `NotIpAddress`",
    }
}
