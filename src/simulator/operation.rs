//! The operations that the embedded ECS has, and what one call of them works on.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::catalog::{Answer, Call};

use super::ecs::SimulatorSettings;
use super::world::World;
use super::{attach, create, describe_eni, describe_instance};

/// One call's turn with the world.
pub(super) struct Turn<'a> {
    pub(super) world: &'a mut World,
    pub(super) call: &'a Call,
    pub(super) settings: &'a SimulatorSettings,
    pub(super) now: Timestamp,
}

/// Does what a call asks; the value is the answer's body without its request id.
pub(super) type Run = fn(&mut Turn<'_>) -> Result<Value, Answer>;

/// Each has a file in the catalogue.
const SERVED: [(&str, Run); 7] = [
    ("AttachNetworkInterface", attach::attach),
    ("CreateNetworkInterface", create::create),
    ("DeleteNetworkInterface", create::delete),
    ("DescribeInstances", describe_instance::list),
    ("DescribeNetworkInterfaceAttribute", describe_eni::one),
    ("DescribeNetworkInterfaces", describe_eni::list),
    ("DetachNetworkInterface", attach::detach),
];

pub(super) fn find(name: &str) -> Option<Run> {
    SERVED.iter().find(|(served, _)| *served == name).map(|(_, run)| *run)
}

/// A refusal because of a parameter, with a reason of ours.
pub(super) fn refused_parameter(code: &str, reason: impl Into<String>) -> Answer {
    Answer { status: 400, code: code.to_owned(), message: reason.into() }
}

impl<'a> Turn<'a> {
    /// A parameter that is present and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.call.parameters().value(name).filter(|value| !value.is_empty())
    }

    /// A number, which the catalogue found to be one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// The values of `name.1`, `name.2`, …
    pub(super) fn list(&self, name: &str) -> Vec<&'a str> {
        let element = |given: &str| given.strip_prefix(name).is_some_and(|tail| tail.starts_with('.'));
        let given = self.call.parameters().iter().filter(|given| element(given.name) && !given.value.is_empty());
        given.map(|given| given.value).collect()
    }

    /// The pairs of `Tag.N.Key` and `Tag.N.Value`.
    pub(super) fn tags(&self) -> Vec<(&'a str, Option<&'a str>)> {
        let parameters = self.call.parameters();
        let keys = parameters.iter().filter_map(|given| {
            let index = given.name.strip_prefix("Tag.")?.strip_suffix(".Key")?;
            Some((given.value, parameters.value(&format!("Tag.{index}.Value"))))
        });
        keys.collect()
    }

    /// Refuses parameters that this world has nothing for: they would be taken and forgotten.
    ///
    /// # Errors
    /// The first that has a value and is not `modelled`, by its name and value.
    pub(super) fn check_modelled(&self, modelled: impl Fn(&str, &str) -> bool) -> Result<(), Answer> {
        let mut given = self.call.parameters().iter();
        match given.find(|given| !given.value.is_empty() && !modelled(given.name, given.value)) {
            None => Ok(()),
            Some(given) => {
                let reason = format!("the embedded ECS does not model the parameter `{}`", given.name);
                Err(refused_parameter("UnsupportedParameter", reason))
            }
        }
    }

    /// When what begins now is done.
    pub(super) fn settles_at(&self) -> Timestamp {
        let delay = SignedDuration::try_from(self.settings.attach_delay).unwrap_or(SignedDuration::MAX);
        self.now.checked_add(delay).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_operation_served_has_its_file() {
        for (name, _) in SERVED {
            assert!(Catalog::bundled().operation(name).is_some(), "{name}");
        }
    }
}
