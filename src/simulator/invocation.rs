//! The context of one operation: the world, the call, the settings and the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::{Answer, Call};
use crate::identity::{Clock, NonceLimits};

use super::world::World;

/// The behaviour of the embedded ECS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatorSettings {
    /// The duration of an attach or a detach.
    pub attach_delay: Duration,
    /// The accepted deviation of a caller's clock.
    pub clock: Clock,
    /// The bounds of the nonce memory.
    pub nonces: NonceLimits,
    /// The maximum number of ENIs in a region; creating more is refused (`docs/spec/ecs-eni.md` D.2).
    pub enis_per_region: usize,
}

/// One invocation of an operation.
pub(super) struct Invocation<'a> {
    pub(super) world: &'a mut World,
    pub(super) call: &'a Call,
    pub(super) settings: &'a SimulatorSettings,
    pub(super) now: Timestamp,
}

/// A refusal because of a parameter, with a message of this program's own.
pub(super) fn refused_parameter(code: &str, reason: impl Into<String>) -> Answer {
    Answer { status: 400, code: code.to_owned(), message: reason.into() }
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            attach_delay: Duration::from_secs(2),
            clock: Clock { skew: Duration::from_secs(15 * 60) },
            // Nearly all calls are made with one key, the gateway's own.
            nonces: NonceLimits { span: Duration::from_secs(31 * 60), capacity: 4_194_304, share: 1.0 },
            enis_per_region: 100,
        }
    }
}

impl<'a> Invocation<'a> {
    /// The value of a parameter that is present and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.call.parameters().value(name).filter(|value| !value.is_empty())
    }

    /// The value of a numeric parameter, which the catalogue has already checked.
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

    /// Refuses parameters that this world does not model.
    ///
    /// # Errors
    /// The first parameter that has a value and is not `modelled`.
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

    /// When an attach or detach that begins now is complete.
    pub(super) fn settles_at(&self) -> Timestamp {
        let delay = SignedDuration::try_from(self.settings.attach_delay).unwrap_or(SignedDuration::MAX);
        self.now.checked_add(delay).unwrap_or(Timestamp::MAX)
    }
}
