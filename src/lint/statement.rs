//! Rules about statements that are probably mistakes: `${…}`, masked ids, a block of one address, every resource.

use std::net::Ipv4Addr;

use ram_policy::{Actions, ArnPattern, Compares, Effect, Glob, Severity, Statement};

use super::reporter::Reporter;
use super::rule::{MASKED_ID, RESOURCE_STAR, SINGLE_ADDRESS_BLOCK, VARIABLE};
use super::target::selects_attach;

/// The mask with which consoles and documentation hide the middle of an id.
const MASK: &str = "****";

/// `${` in a resource or a condition value (`docs/spec/ram-policy.md` 4.7); an action with one does not load.
pub(super) fn variables(reporter: &mut Reporter<'_>, statement: &Statement) {
    let help = "write the value itself: RAM documents no variables and compares the text as written";
    for (index, pattern) in statement.resources().iter().enumerate() {
        if pattern.fields().is_some_and(|fields| fields.iter().any(|field| field.as_str().contains("${"))) {
            let span = reporter.resource(statement, index);
            reporter.report(
                &VARIABLE,
                statement,
                span,
                format!("`{pattern}` contains `${{`, but RAM has no variables"),
                help,
            );
        }
    }
    for condition in statement.conditions() {
        for (index, wanted) in condition.values().iter().enumerate().filter(|(_, it)| it.as_str().contains("${")) {
            let span = reporter.value(statement, condition, index);
            let title = format!("`{}` contains `${{`, but RAM has no variables", wanted.as_str());
            reporter.report(&VARIABLE, statement, span, title, help);
        }
    }
}

/// A row of stars in a resource or a condition value.
pub(super) fn masked_ids(reporter: &mut Reporter<'_>, statement: &Statement) {
    if !reporter.source.text().contains(MASK) {
        return;
    }
    let help = "write the complete id, or a single `*` to match any text";
    for index in 0..statement.resources().len() {
        if let Some(text) = reporter.written_resource(statement, index).filter(|text| text.contains(MASK)) {
            let span = reporter.resource(statement, index);
            let title = format!("`{text}` was masked, and its stars match any text");
            reporter.report(&MASKED_ID, statement, span, title, help);
        }
    }
    for condition in statement.conditions() {
        let wild = condition.operator().name().ends_with("Like");
        for (index, wanted) in condition.values().iter().enumerate().filter(|(_, it)| it.as_str().contains(MASK)) {
            let span = reporter.value(statement, condition, index);
            let means = if wild {
                "its stars match any text"
            } else {
                "its stars are compared literally, so it matches nothing"
            };
            reporter.report(
                &MASKED_ID,
                statement,
                span,
                format!("`{}` was masked, and {means}", wanted.as_str()),
                help,
            );
        }
    }
}

/// One address as a block (`docs/spec/ram-policy.md` 4.4). Not under the `IncludeBorder` operators, which count
/// borders.
pub(super) fn single_address_blocks(reporter: &mut Reporter<'_>, statement: &Statement) {
    for condition in statement.conditions() {
        let operator = condition.operator();
        if operator.compares() != Compares::Addresses || operator.name().ends_with("IncludeBorder") {
            continue;
        }
        for (index, wanted) in condition.values().iter().enumerate() {
            let bare = wanted.as_str().strip_suffix("/32").filter(|bare| bare.parse::<Ipv4Addr>().is_ok());
            if let Some(bare) = bare {
                let span = reporter.value(statement, condition, index);
                let title = format!("`{}` is a block of one address, which RAM may not match", wanted.as_str());
                reporter.report(&SINGLE_ADDRESS_BLOCK, statement, span, title, format!("write `{bare}`"));
            }
        }
    }
}

/// An Allow of the call on every resource. A note if the actions span several services, because no ARN covers them all.
pub(super) fn resource_star(reporter: &mut Reporter<'_>, statement: &Statement) {
    if statement.effect() != Effect::Allow || !selects_attach(statement) {
        return;
    }
    let Some(index) = statement.resources().iter().position(ArnPattern::is_any) else { return };
    let severity = if reaches_beyond_ecs(statement) { Severity::Note } else { RESOURCE_STAR.severity };
    let span = reporter.resource(statement, index);
    let title = "the Allow lets any ENI be attached to any instance of the account".to_owned();
    let help = "put ecs:AttachNetworkInterface into a separate statement, on ARNs such as \
                `acs:ecs:cn-hangzhou:*:eni/*` and `acs:ecs:cn-hangzhou:*:instance/*`";
    reporter.report_as(&RESOURCE_STAR, severity, statement, span, title, help);
}

fn reaches_beyond_ecs(statement: &Statement) -> bool {
    let of_any_service = |pattern: &Glob| pattern.as_str().split(':').next().is_some_and(|it| it.contains(['*', '?']));
    match statement.actions() {
        Actions::Action(patterns) => patterns.iter().any(of_any_service),
        Actions::NotAction(_) => true,
    }
}
