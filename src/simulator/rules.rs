//! What ECS checks before it does anything, in order, as tables (`spec/ecs-eni.md` D.3).
//!
//! The order is a proposal of the specification, not a measurement: a measured one is another order of these rows.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{Answer, Call, Operation};

use super::ecs::SimulatorSettings;
use super::eni::{Eni, EniKind};
use super::instance::{Instance, InstanceStatus, VSwitch};
use super::lifecycle::{EniStatus, Event};
use super::operation::Turn;
use super::world::World;

/// What a call is about, looked up once.
pub(super) struct Subject<'a> {
    world: &'a World,
    call: &'a Call,
    now: Timestamp,
    settings: &'a SimulatorSettings,
    eni: Option<&'a Eni>,
    instance: Option<&'a Instance>,
    vswitch: Option<&'a Arc<VSwitch>>,
}

/// What a call may do after its rules were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Proceed,
    /// It succeeds, and nothing changes.
    DoneAlready,
}

/// One check and what it leads to.
pub(super) struct Rule {
    check: Check,
    ends: Ends,
}

/// Finds something, said in the texts that fill the rule's `{0}` and `{1}`; or nothing.
type Check = fn(&Subject<'_>) -> Option<[String; 2]>;

enum Ends {
    /// A row of the operation's file, where it has rows; else the status and code as they stand here.
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
        |subject| {
            let kind = subject.eni?.kind;
            let wrong = matches!(kind, EniKind::Primary | EniKind::Member);
            wrong.then(|| ["Secondary,Trunk".to_owned(), kind.as_str().to_owned()])
        },
    ),
    Rule { check: same_pair, ends: Ends::Done },
    eni_state(|subject| wrong_state(subject, Event::Attach)),
    INSTANCE_STATE,
    refused(403, "InvalidEni.NotSameVpc", "The ENI is in the VPC \"{0}\" and the ECS instance in \"{1}\"", |subject| {
        let (eni, instance) = (&subject.eni?.vswitch.vpc, &subject.instance?.vswitch.vpc);
        (eni != instance).then(|| [eni.to_string(), instance.to_string()])
    }),
    refused(
        403,
        "InvalidOperation.AvailabilityZoneMismatch",
        "The VPC VSwitch of the specified ENI and ECS instance are not in the same availability zone.",
        |subject| {
            let (eni, instance) = (&subject.eni?.vswitch.zone, &subject.instance?.vswitch.zone);
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
        |subject| (subject.eni?.kind == EniKind::Primary).then(nothing),
    ),
    eni_state(|subject| wrong_state(subject, Event::Detach)),
    refused(400, "InvalidOperation.InvalidEniState", "The ENI is attached to \"{0}\", not to \"{1}\".", |subject| {
        let (attached, named) = (subject.eni?.instance(subject.now)?, &subject.instance?.id);
        (attached != named).then(|| [attached.to_string(), named.to_string()])
    }),
    INSTANCE_STATE,
];

pub(super) const DELETE: &[Rule] = &[ENI_EXISTS, eni_state(|subject| wrong_state(subject, Event::Delete))];

pub(super) const DESCRIBE_ONE: &[Rule] = &[ENI_EXISTS];

pub(super) const CREATE: &[Rule] = &[
    refused(404, "InvalidVSwitchId.NotFound", "The specified VSwitchId \"{0}\" is not found.", |subject| {
        subject.vswitch.is_none().then(|| subject.named("VSwitchId"))
    }),
    refused(403, "MaxEniCountExceeded", "The number of ENI exceeds the limit per region.", |subject| {
        let held = subject.world.enis(subject.call.region()).count();
        (held >= subject.settings.enis_per_region).then(nothing)
    }),
];

const ENI_EXISTS: Rule =
    refused(404, "InvalidEniId.NotFound", "The specified EniId \"{0}\" is not found.", |subject| {
        subject.eni.is_none().then(|| subject.named("NetworkInterfaceId"))
    });

const INSTANCE_EXISTS: Rule = refused(404, "InvalidEcsId.NotFound", "The specified EcsId is not found.", |subject| {
    subject.instance.is_none().then(nothing)
});

const INSTANCE_STATE: Rule = refused(
    400,
    "InvalidOperation.InvalidEcsState",
    "The operation is not allowed in the current ECS state. Expecting status is \"{0}\" while current status is \"{1}\".",
    |subject| {
        let status = subject.instance?.status;
        let wrong = !matches!(status, InstanceStatus::Running | InstanceStatus::Stopped);
        wrong.then(|| ["Running,Stopped".to_owned(), status.as_str().to_owned()])
    },
);

/// Asks the rules in order; the first that finds something decides.
///
/// # Errors
/// The answer that goes with what was found.
pub(super) fn judge(rules: &[Rule], subject: &Subject<'_>) -> Result<Course, Answer> {
    let found = rules.iter().find_map(|rule| (rule.check)(subject).map(|fills| (&rule.ends, fills)));
    match found {
        None => Ok(Course::Proceed),
        Some((Ends::Done, _)) => Ok(Course::DoneAlready),
        Some((Ends::Refused { status, code, text }, [first, second])) => {
            let text = text.replace("{0}", &first).replace("{1}", &second);
            Err(answer(subject.call.operation(), *status, code, &text))
        }
    }
}

/// A documented answer; `text` fills the row that the operation's file has for it.
fn answer(operation: &Operation, status: u16, code: &str, text: &str) -> Answer {
    let row = operation.errors().iter().find(|row| row.status == status && row.code == code);
    let message = row.map_or_else(|| text.to_owned(), |row| row.fill(text));
    Answer { status, code: code.to_owned(), message }
}

impl<'a> Subject<'a> {
    pub(super) fn of(turn: &'a Turn<'_>) -> Self {
        let region = turn.call.region();
        let named = |name: &str| turn.text(name).unwrap_or_default();
        Self {
            world: turn.world,
            call: turn.call,
            now: turn.now,
            settings: turn.settings,
            eni: turn.world.eni(region, named("NetworkInterfaceId")),
            instance: turn.world.instance(region, named("InstanceId")),
            vswitch: turn.world.vswitch(region, named("VSwitchId")),
        }
    }

    /// The ENI, of a call whose rules ask for one.
    pub(super) fn eni(&self) -> &'a Eni {
        self.eni.expect("a rule refuses the call when there is no such ENI")
    }

    /// The instance, of a call whose rules ask for one.
    pub(super) fn instance(&self) -> &'a Instance {
        self.instance.expect("a rule refuses the call when there is no such instance")
    }

    /// The vSwitch, of a call whose rules ask for one.
    pub(super) fn vswitch(&self) -> &'a Arc<VSwitch> {
        self.vswitch.expect("a rule refuses the call when there is no such vSwitch")
    }

    fn named(&self, parameter: &str) -> [String; 2] {
        [self.call.parameters().value(parameter).unwrap_or_default().to_owned(), String::new()]
    }
}

/// Terway attaches again on every reconcile, so the attach of an attached pair succeeds (`spec/ecs-eni.md` A.2).
fn same_pair(subject: &Subject<'_>) -> Option<[String; 2]> {
    let (eni, instance) = (subject.eni?, subject.instance?);
    let attached = matches!(eni.status(subject.now), EniStatus::Attaching | EniStatus::InUse);
    (attached && eni.instance(subject.now) == Some(&instance.id)).then(nothing)
}

fn wrong_state(subject: &Subject<'_>, event: Event) -> Option<[String; 2]> {
    let status = subject.eni?.status(subject.now);
    let expected = event.taken_in();
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
    Rule { check, ends: Ends::Refused { status, code, text } }
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
            if let Ends::Refused { status, code, .. } = rule.ends {
                assert!(rows.iter().any(|row| row.status == status && row.code == code), "{status} {code}");
            }
        }
    }
}
