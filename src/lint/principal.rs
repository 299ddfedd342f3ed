//! Rules about the rights of a principal, over all its identity policies together.

use crate::catalog::{Catalog, KeySupply, Operation};
use crate::pdp::PrincipalEntry;
use ram_policy::{AccountId, Effect, LayerKind, Principal, Sense, StatementRef};

use super::account_names::AccountNames;
use super::finding::{About, Finding};
use super::rule::{ENI_WITHOUT_INSTANCE, INSTANCE_WITHOUT_ENI, LEAKS_ENIS, Rule};
use super::target::Target;

/// The operations that a principal needs to clean up after an attach.
const CLEANUP: [&str; 3] = ["DescribeNetworkInterfaces", "DetachNetworkInterface", "DeleteNetworkInterface"];

pub(super) fn check(principal: &Principal, entry: &PrincipalEntry, names: &AccountNames) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A principal with a quarantined policy is denied everything.
    if entry.layers.quarantine().is_some() {
        return findings;
    }
    let name = principal.identity().to_string();
    let mut report = |rule: &'static Rule, title: String, help: &str| {
        let (source, span) = names.place(&name);
        let about = About { principal: Some(name.as_str().into()), ..About::default() };
        findings.push(Finding::new(rule, source, span, title, help).about(about));
    };
    let grants = |operation: &Operation, target: &Target| grant(entry, operation, target);
    let attach = Catalog::attach();
    let targets = Target::of(attach, Some(principal.account()));
    let [eni, instance] = ["eni/", "instance/"].map(|kind| {
        let at = attach.resources().iter().position(|spec| spec.template.as_str().contains(kind));
        at.and_then(|at| grants(attach, &targets[at]))
    });
    match (eni, instance) {
        (None, None) => {}
        (Some(at), None) => {
            let title = format!("{} grants `{name}` ENIs to attach, but no policy grants it an instance", place(at));
            let help =
                "also allow `ecs:AttachNetworkInterface` on `acs:ecs:*:*:instance/…`: each call is judged on both";
            report(&ENI_WITHOUT_INSTANCE, title, help);
        }
        (None, Some(at)) => {
            let title = format!("{} grants `{name}` instances to attach to, but no policy grants it an ENI", place(at));
            let help = "also allow `ecs:AttachNetworkInterface` on `acs:ecs:*:*:eni/…`: each call is judged on both";
            report(&INSTANCE_WITHOUT_ENI, title, help);
        }
        (Some(at), Some(_)) => {
            let lacks = lacking(entry, principal.account());
            if !lacks.is_empty() {
                let title = format!("{} lets `{name}` attach ENIs, but it lacks {}", place(at), lacks.join(", "));
                let help = "allow these actions too, or write in `lint.toml` who cleans up";
                report(&LEAKS_ENIS, title, help);
            }
        }
    }
    findings
}

/// The cleanup actions that the principal is not granted on any resource, in back-ticks.
fn lacking(entry: &PrincipalEntry, account: &AccountId) -> Vec<String> {
    let catalog = Catalog::bundled();
    let operations = CLEANUP.iter().filter_map(|name| catalog.operation(name));
    let lacks = operations.filter(|operation| {
        let targets = Target::of(operation, Some(account));
        targets.iter().filter(|target| !target.optional).any(|target| grant(entry, operation, target).is_none())
    });
    lacks.map(|operation| format!("`{}`", operation.action())).collect()
}

/// The first Allow that may apply to some call of the operation on the target. Denies are ignored, and conditions that
/// can hold are assumed to hold.
fn grant<'a>(entry: &'a PrincipalEntry, operation: &Operation, target: &Target) -> Option<StatementRef<'a>> {
    let catalog = Catalog::bundled();
    let identity = entry.layers.sets().filter(|(kind, ..)| *kind != LayerKind::Control);
    identity.flat_map(|(_, _, set)| set.statements()).find(|at| {
        let statement = at.statement;
        let possible = |it: &ram_policy::Condition| match catalog.key_supply(operation, it.key()) {
            KeySupply::Always | KeySupply::Sometimes => true,
            KeySupply::Never(_) => it.operator().sense() == Sense::Negated,
            KeySupply::Unknown(_) => false,
        };
        statement.effect() == Effect::Allow
            && statement.actions().select(operation.action())
            && statement.resources().iter().any(|pattern| target.can_be(pattern))
            && statement.conditions().iter().all(possible)
    })
}

fn place(at: StatementRef<'_>) -> String {
    format!("`{}#{}`", at.document.name(), at.statement.index())
}
