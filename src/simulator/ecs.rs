//! One signed request in, one answer out: who calls, what is asked, and the world's turn.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::{Answer, Binding, Catalog, Refusal};
use crate::envelope::{ErrorBody, Format, success_body, unique_id};
use crate::identity::{
    Authenticated, Authenticator, Channel, Claim, Clock, IdentityFault, InMemoryNonces, KeyRing, NonceLimits, Signed,
};
use crate::ram::{AccountId, Region};

use super::operation::{self, Turn};
use super::world::World;

/// The embedded ECS. Verifies what it is sent and answers from its world; many connections share one.
pub struct Simulator {
    account: AccountId,
    regions: Vec<Region>,
    catalog: Arc<Catalog>,
    keys: KeyRing,
    settings: SimulatorSettings,
    nonces: InMemoryNonces,
    world: Mutex<World>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatorSettings {
    /// How long an attach or a detach takes.
    pub attach_delay: Duration,
    /// How far a caller's clock may be off.
    pub clock: Clock,
    /// How many nonces are remembered, and for how long: a call past it is refused, not taken unchecked.
    pub nonces: NonceLimits,
    /// How many ENIs a region may come to hold by creating them (`spec/ecs-eni.md` D.2).
    pub enis_per_region: usize,
}

/// An answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub format: Format,
    pub body: String,
    pub request_id: String,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            attach_delay: Duration::from_secs(2),
            clock: Clock { skew: Duration::from_secs(15 * 60) },
            // One key, the gateway's own, makes nearly all of the calls.
            nonces: NonceLimits { span: Duration::from_secs(31 * 60), capacity: 4_194_304, share: 1.0 },
            enis_per_region: 100,
        }
    }
}

/// Time since the first simulator was made, by a clock that nobody can set.
fn steady() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

impl Simulator {
    /// `keys`: whose calls are taken; all of the world's account.
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

    /// Answers a request. `now` is the time at which it came.
    pub fn answer(&self, signed: &Signed<'_>, now: Timestamp) -> Reply {
        let accept = signed.header("accept");
        let claim = Claim::read(signed);
        let scheme = claim.as_ref().ok().map(Claim::scheme);
        let requested = signed.parameters.value("Format");
        let format = Format::choose(requested, accept, scheme);
        let answered = claim.map_err(|fault| self.unknown_caller(&fault)).and_then(|claim| {
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
            let authenticated = authenticated.map_err(|fault| self.unknown_caller(&fault))?;
            format.map_err(|fault| self.refusal(Refusal::Format, &fault.to_string()))?;
            let claimed = claim.claimed();
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

    /// Answers what is not even a request with one reading.
    pub(super) fn refuse(&self, refusal: Refusal, reason: &str, accept: Option<&str>, host: Option<&str>) -> Reply {
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
            return Err(self.refusal(Refusal::AccountNotServed, ""));
        }
        let missing = |name: &'static str| self.unknown_caller(&IdentityFault::Missing(name));
        let action = action.ok_or_else(|| missing("Action"))?;
        let version = version.ok_or_else(|| missing("Version"))?;
        let (Some(run), Some(operation)) = (operation::find(action), self.catalog.operation(action)) else {
            let answer = self.refusal(Refusal::UnknownOperation, "");
            return Err(Answer { message: "the embedded ECS does not have this operation".to_owned(), ..answer });
        };
        if version != operation.version() {
            let reason = format!("the version of `{action}` is `{}`", operation.version());
            return Err(self.refusal(Refusal::Version, &reason));
        }
        let binding = Binding { account: &self.account, regions: &self.regions };
        let call = self.catalog.bind(operation, signed.parameters, binding);
        let call = call.map_err(|fault| operation.answer_to(&fault))?;
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let value = run(&mut Turn { world: &mut world, call: &call, settings: &self.settings, now })?;
        Ok((action, value))
    }

    fn unknown_caller(&self, fault: &IdentityFault) -> Answer {
        self.refusal(fault.refusal(), &fault.to_string())
    }

    fn refusal(&self, refusal: Refusal, reason: &str) -> Answer {
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
