//! The checks that ECS makes before it changes anything, in tables (`docs/spec/ecs-eni.md` D.3).
//!
//! The order is the specification's assumption and has not been measured. To correct it, reorder the rows.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{Answer, Call, Operation};

use super::eni::{Eni, EniKind};
use super::instance::{Instance, InstanceStatus, VSwitch};
use super::invocation::{Invocation, SimulatorSettings};
use super::lifecycle::{Change, EniStatus};
use super::world::World;

/// The resources that a call names, looked up once.
pub(super) struct NamedResources<'a> {
    world: &'a World,
    call: &'a Call,
    now: Timestamp,
    settings: &'a SimulatorSettings,
    eni: Option<&'a Eni>,
    instance: Option<&'a Instance>,
    vswitch: Option<&'a Arc<VSwitch>>,
}

/// The result of checking the rules of a call that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RuleOutcome {
    Proceed,
    /// The call succeeds without changing anything.
    DoneAlready,
}

/// A check and its consequence.
pub(super) struct Rule {
    check: Check,
    consequence: Consequence,
}

/// If the rule applies, returns the texts for its `{0}` and `{1}`.
type Check = fn(&NamedResources<'_>) -> Option<[String; 2]>;

enum Consequence {
    /// Refuse with a row of the operation's file, or with this status, code and text if the file has no such row.
    Refused {
        status: u16,
        code: &'static str,
        text: &'static str,
    },
    Done,
}

pub(super) const ATTACH: &[Rule] = &[
    ENI_EXISTS,
    INSTANCE_EXISTS,
    refused(
        403,
        "InvalidOperation.InvalidEniType",
        "The operation is not allowed in the current ENI type. Expecting type is \"{0}\" while current type is \"{1}\".",
        |named| {
            let kind = named.eni?.kind;
            let wrong = matches!(kind, EniKind::Primary | EniKind::Member);
            wrong.then(|| ["Secondary,Trunk".to_owned(), kind.as_str().to_owned()])
        },
    ),
    Rule { check: same_pair, consequence: Consequence::Done },
    eni_state(|named| wrong_state(named, Change::Attach)),
    INSTANCE_STATE,
    refused(403, "InvalidEni.NotSameVpc", "The ENI is in the VPC \"{0}\" and the ECS instance in \"{1}\"", |named| {
        let (eni, instance) = (&named.eni?.vswitch.vpc, &named.instance?.vswitch.vpc);
        (eni != instance).then(|| [eni.to_string(), instance.to_string()])
    }),
    refused(
        403,
        "InvalidOperation.AvailabilityZoneMismatch",
        "The VPC VSwitch of the specified ENI and ECS instance are not in the same availability zone.",
        |named| {
            let (eni, instance) = (&named.eni?.vswitch.zone, &named.instance?.vswitch.zone);
            (eni != instance).then(nothing)
        },
    ),
];

pub(super) const DETACH: &[Rule] = &[
    ENI_EXISTS,
    INSTANCE_EXISTS,
    refused(
        400,
        "InvalidOperation.DetachPrimaryEniNotAllowed",
        "Detaching primary ENI from ECS instance is not allowed.",
        |named| (named.eni?.kind == EniKind::Primary).then(nothing),
    ),
    eni_state(|named| wrong_state(named, Change::Detach)),
    refused(400, "InvalidOperation.InvalidEniState", "The ENI is attached to \"{0}\", not to \"{1}\".", |named| {
        let (attached, named) = (named.eni?.instance(named.now)?, &named.instance?.id);
        (attached != named).then(|| [attached.to_string(), named.to_string()])
    }),
    INSTANCE_STATE,
];

pub(super) const DELETE: &[Rule] = &[ENI_EXISTS, eni_state(|named| wrong_state(named, Change::Delete))];

pub(super) const DESCRIBE_ONE: &[Rule] = &[ENI_EXISTS];

pub(super) const CREATE: &[Rule] = &[
    refused(404, "InvalidVSwitchId.NotFound", "The specified VSwitchId \"{0}\" is not found.", |named| {
        named.vswitch.is_none().then(|| named.named("VSwitchId"))
    }),
    refused(403, "MaxEniCountExceeded", "The number of ENI exceeds the limit per region.", |named| {
        let held = named.world.enis(named.call.region()).count();
        (held >= named.settings.enis_per_region).then(nothing)
    }),
];

const ENI_EXISTS: Rule = refused(404, "InvalidEniId.NotFound", "The specified EniId \"{0}\" is not found.", |named| {
    named.eni.is_none().then(|| named.named("NetworkInterfaceId"))
});

const INSTANCE_EXISTS: Rule = refused(404, "InvalidEcsId.NotFound", "The specified EcsId is not found.", |named| {
    named.instance.is_none().then(nothing)
});

const INSTANCE_STATE: Rule = refused(
    400,
    "InvalidOperation.InvalidEcsState",
    "The operation is not allowed in the current ECS state. Expecting status is \"{0}\" while current status is \"{1}\".",
    |named| {
        let status = named.instance?.status;
        let wrong = !matches!(status, InstanceStatus::Running | InstanceStatus::Stopped);
        wrong.then(|| ["Running,Stopped".to_owned(), status.as_str().to_owned()])
    },
);

/// Checks the rules in order. The first rule that applies decides.
///
/// # Errors
/// The answer of the first rule that refuses the call.
pub(super) fn judge(rules: &[Rule], named: &NamedResources<'_>) -> Result<RuleOutcome, Answer> {
    let found = rules.iter().find_map(|rule| (rule.check)(named).map(|fills| (&rule.consequence, fills)));
    match found {
        None => Ok(RuleOutcome::Proceed),
        Some((Consequence::Done, _)) => Ok(RuleOutcome::DoneAlready),
        Some((Consequence::Refused { status, code, text }, [first, second])) => {
            let text = text.replace("{0}", &first).replace("{1}", &second);
            Err(answer(named.call.operation(), *status, code, &text))
        }
    }
}

/// A documented answer. `text` fills the placeholder of the operation's row, or is the whole message if there is no
/// row.
fn answer(operation: &Operation, status: u16, code: &str, text: &str) -> Answer {
    let row = operation.errors().iter().find(|row| row.status == status && row.code == code);
    let message = row.map_or_else(|| text.to_owned(), |row| row.fill(text));
    Answer { status, code: code.to_owned(), message }
}

impl<'a> NamedResources<'a> {
    pub(super) fn of(invocation: &'a Invocation<'_>) -> Self {
        let region = invocation.call.region();
        let named = |name: &str| invocation.text(name).unwrap_or_default();
        Self {
            world: invocation.world,
            call: invocation.call,
            now: invocation.now,
            settings: invocation.settings,
            eni: invocation.world.eni(region, named("NetworkInterfaceId")),
            instance: invocation.world.instance(region, named("InstanceId")),
            vswitch: invocation.world.vswitch(region, named("VSwitchId")),
        }
    }

    /// The ENI. Only for calls whose rules check that it exists.
    pub(super) fn eni(&self) -> &'a Eni {
        self.eni.expect("a rule refuses the call when there is no such ENI")
    }

    /// The instance. Only for calls whose rules check that it exists.
    pub(super) fn instance(&self) -> &'a Instance {
        self.instance.expect("a rule refuses the call when there is no such instance")
    }

    /// The vSwitch. Only for calls whose rules check that it exists.
    pub(super) fn vswitch(&self) -> &'a Arc<VSwitch> {
        self.vswitch.expect("a rule refuses the call when there is no such vSwitch")
    }

    fn named(&self, parameter: &str) -> [String; 2] {
        [self.call.parameters().value(parameter).unwrap_or_default().to_owned(), String::new()]
    }
}

/// Terway repeats the attach on every reconcile, so attaching an ENI to the same instance again succeeds
/// (`docs/spec/ecs-eni.md` A.2).
fn same_pair(named: &NamedResources<'_>) -> Option<[String; 2]> {
    let (eni, instance) = (named.eni?, named.instance?);
    let attached = matches!(eni.status(named.now), EniStatus::Attaching | EniStatus::InUse);
    (attached && eni.instance(named.now) == Some(&instance.id)).then(nothing)
}

fn wrong_state(named: &NamedResources<'_>, event: Change) -> Option<[String; 2]> {
    let status = named.eni?.status(named.now);
    let expected = event.allowed_in();
    let names = || expected.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(",");
    (!expected.contains(&status)).then(|| [names(), status.to_string()])
}

const fn eni_state(check: Check) -> Rule {
    refused(
        400,
        "InvalidOperation.InvalidEniState",
        "The operation is not allowed in the current ENI state. Expecting status is \"{0}\" while current status is \"{1}\".",
        check,
    )
}

const fn refused(status: u16, code: &'static str, text: &'static str, check: Check) -> Rule {
    Rule { check, consequence: Consequence::Refused { status, code, text } }
}

fn nothing() -> [String; 2] {
    Default::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_rule_of_attach_is_a_row_of_its_page() {
        let catalog = Catalog::bundled();
        let rows = catalog.operation("AttachNetworkInterface").unwrap().errors();
        for rule in ATTACH {
            if let Consequence::Refused { status, code, .. } = rule.consequence {
                assert!(rows.iter().any(|row| row.status == status && row.code == code), "{status} {code}");
            }
        }
    }
}
