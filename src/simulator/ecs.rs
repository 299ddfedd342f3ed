//! Answers one signed request: authenticates the caller, binds the call and runs the operation.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::{Answer, Binding, Catalog, RejectionReason};
use crate::envelope::{ErrorBody, Format, success_body, unique_id};
use crate::identity::{Authenticated, Authenticator, Channel, Claim, IdentityError, InMemoryNonces, KeyRing, Signed};
use crate::ram::Region;
use ram_policy::AccountId;

use super::invocation::{Invocation, SimulatorSettings};
use super::world::World;
use super::{change_eni, describe_eni, describe_instance};

/// Runs an operation. The value is the body of the answer without its request id.
type Run = fn(&mut Invocation<'_>) -> Result<Value, Answer>;

/// The supported operations. Each has a file in the catalogue.
const SERVED: [(&str, Run); 7] = [
    ("AttachNetworkInterface", change_eni::attach),
    ("CreateNetworkInterface", change_eni::create),
    ("DeleteNetworkInterface", change_eni::delete),
    ("DescribeInstances", describe_instance::list),
    ("DescribeNetworkInterfaceAttribute", describe_eni::one),
    ("DescribeNetworkInterfaces", describe_eni::list),
    ("DetachNetworkInterface", change_eni::detach),
];

/// The embedded ECS. Verifies signed calls and answers them from its world. All connections share one.
pub struct Simulator {
    account: AccountId,
    regions: Vec<Region>,
    catalog: Arc<Catalog>,
    keys: KeyRing,
    settings: SimulatorSettings,
    nonces: InMemoryNonces,
    world: Mutex<World>,
}

/// An answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub format: Format,
    pub body: String,
    pub request_id: String,
}

/// The monotonic time since this function was first called.
fn steady() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

impl Simulator {
    /// `keys` are the accepted keys, all of the world's account.
    pub fn new(world: World, keys: KeyRing, settings: SimulatorSettings) -> Self {
        Self {
            account: world.account().clone(),
            regions: world.regions(),
            catalog: Catalog::bundled(),
            keys,
            settings,
            nonces: InMemoryNonces::new(settings.nonces, steady),
            world: Mutex::new(world),
        }
    }

    /// Answers a request that arrived at `now`.
    pub fn answer(&self, signed: &Signed<'_>, now: Timestamp) -> Reply {
        let accept = signed.header("accept");
        let claim = Claim::read(signed);
        let scheme = claim.as_ref().ok().map(Claim::scheme);
        let requested = signed.parameters.value("Format");
        let format = Format::choose(requested, accept, scheme);
        let answered = claim.map_err(|error| self.unknown_caller(&error)).and_then(|claim| {
            let authenticator = Authenticator {
                keys: &self.keys,
                issuers: &[],
                issuer: None,
                channel: Channel::Open,
                clock: self.settings.clock,
                nonces: &self.nonces,
                budget: None,
            };
            let authenticated = authenticator.authenticate(&claim, signed, now);
            let authenticated = authenticated.map_err(|error| self.unknown_caller(&error))?;
            format.map_err(|error| self.refusal(RejectionReason::Format, &error.to_string()))?;
            let claimed = claim.fields();
            self.perform(&authenticated, (claimed.action, claimed.version), signed, now)
        });
        let format = format.unwrap_or_else(|_| Format::unasked(accept, scheme));
        match answered {
            Ok((operation, mut value)) => {
                let request_id = unique_id();
                value["RequestId"] = Value::String(request_id.clone());
                Reply { status: 200, format, body: success_body(format, operation, &value), request_id }
            }
            Err(answer) => self.reply_with(&answer, format, signed.header("host")),
        }
    }

    /// Refuses a request that could not be parsed.
    pub(super) fn refuse(
        &self,
        refusal: RejectionReason,
        reason: &str,
        accept: Option<&str>,
        host: Option<&str>,
    ) -> Reply {
        self.reply_with(&self.refusal(refusal, reason), Format::unasked(accept, None), host)
    }

    fn perform<'a>(
        &self,
        authenticated: &Authenticated,
        (action, version): (Option<&'a str>, Option<&str>),
        signed: &Signed<'_>,
        now: Timestamp,
    ) -> Result<(&'a str, Value), Answer> {
        let caller = &authenticated.caller.principal;
        if *caller.account() != self.account {
            return Err(self.refusal(RejectionReason::AccountNotServed, ""));
        }
        let missing = |name: &'static str| self.unknown_caller(&IdentityError::Missing(name));
        let action = action.ok_or_else(|| missing("Action"))?;
        let version = version.ok_or_else(|| missing("Version"))?;
        let (Some(run), Some(operation)) = (find(action), self.catalog.operation(action)) else {
            let answer = self.refusal(RejectionReason::UnknownOperation, "");
            return Err(Answer { message: "the embedded ECS does not have this operation".to_owned(), ..answer });
        };
        if version != operation.version() {
            let reason = format!("the version of `{action}` is `{}`", operation.version());
            return Err(self.refusal(RejectionReason::Version, &reason));
        }
        let binding = Binding { account: &self.account, regions: &self.regions };
        let call = self.catalog.bind(operation, signed.parameters, binding);
        let call = call.map_err(|error| operation.answer_to(&error))?;
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let value = run(&mut Invocation { world: &mut world, call: &call, settings: &self.settings, now })?;
        Ok((action, value))
    }

    fn unknown_caller(&self, error: &IdentityError) -> Answer {
        self.refusal(error.refusal(), &error.to_string())
    }

    fn refusal(&self, refusal: RejectionReason, reason: &str) -> Answer {
        self.catalog.answers().answer(refusal, reason)
    }

    fn reply_with(&self, answer: &Answer, format: Format, host: Option<&str>) -> Reply {
        let request_id = unique_id();
        let body = ErrorBody::new(answer, &request_id, host.unwrap_or_default(), None).to_text(format);
        Reply { status: answer.status, format, body, request_id }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("account", &self.account).finish_non_exhaustive()
    }
}

fn find(name: &str) -> Option<Run> {
    SERVED.iter().find(|(served, _)| *served == name).map(|(_, run)| *run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_supported_operation_has_a_catalogue_file() {
        for (name, _) in SERVED {
            assert!(Catalog::bundled().operation(name).is_some(), "{name}");
        }
    }
}
