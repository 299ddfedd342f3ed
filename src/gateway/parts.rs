//! The gateway and the parts it is built from.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::audit::{Attempt, Journal};
use crate::budget::{BudgetError, BudgetItem, Budgets, Holder};
use crate::catalog::{Answer, Catalog, ECS, Operation};
use crate::config::{
    DenialSettings, IdentitySettings, Limits, OperationSettings, OtherOperations, ProxySettings, RegionAliases,
    Signing, TrunkEni,
};
use crate::identity::{Authenticator, Channel, Clock, KeyRing, NonceBudget, NonceMemory, TokenIssuer};
use crate::pdp::Pdp;
use crate::ram::Region;
use crate::wire::{FormLimits, HeadLimits};
use ram_policy::{Context, ContextKey};

use super::clock;
use crate::gateway::call::AnswerCounts;
use crate::gateway::call::Product;
use crate::gateway::call::RefusalLog;
use crate::gateway::call::WaitingCalls;
use crate::gateway::client::IssuerKeys;
use crate::gateway::facts::ResourceAttributes;
use crate::gateway::listen::Listeners;
use crate::gateway::listen::ReaderLimits;
use crate::gateway::listen::ServerTls;
use crate::gateway::sts::{Issuing, RefusedFor};
use crate::gateway::upstream::Upstream;

/// The parts of a gateway, grouped by the stage that uses them and by how long they live.
pub struct GatewayParts {
    pub in_force: InForce,
    pub callers: Callers,
    pub judge: Judge,
    pub upstreams: Upstreams,
    pub front: Front,
    pub journal: Arc<Journal>,
}

/// The parts that are read from files and could be replaced at runtime: policies, keys, issuers and certificates.
pub struct InForce {
    pub pdp: Pdp,
    /// The source of resource attributes.
    pub attributes: ResourceAttributes,
    /// The access keys of callers.
    pub keys: KeyRing,
    /// The issuers whose tokens are accepted.
    pub issuers: Vec<TokenIssuer>,
    /// The key sets of those issuers, refreshed while the gateway runs.
    pub issuer_keys: Vec<Arc<IssuerKeys>>,
    /// Set if the gateway issues keys of its own.
    pub issuing: Option<Issuing>,
    /// `None` for a listener that serves plain HTTP.
    pub tls: Option<ServerTls>,
}

/// The parts of authentication that live as long as the process.
pub struct Callers {
    pub nonces: Arc<dyn NonceMemory>,
    /// Shared with the journal, which charges its lines to them.
    pub budgets: Arc<Budgets>,
    pub identity: IdentitySettings,
}

/// Everything besides the policies that determines how a call is read and judged.
pub struct Judge {
    pub catalog: Arc<Catalog>,
    pub operations: OperationSettings,
    pub regions: Vec<Region>,
    pub region_aliases: RegionAliases,
    pub denial: DenialSettings,
}

/// Where permitted calls are sent.
pub struct Upstreams {
    /// Shared with the source of resource attributes if they are read from ECS.
    pub ecs: Arc<Upstream>,
    /// Products other than ECS.
    pub products: Vec<Product>,
    /// Whether calls are signed with the gateway's key or keep their caller's signature.
    pub signing: Signing,
}

/// The settings of connections and answers.
pub struct Front {
    /// The host names the gateway accepts; any name if empty.
    pub hosts: Vec<String>,
    /// The `HostId` of answers.
    pub replica: String,
    pub limits: Limits,
    pub proxies: ProxySettings,
}

/// A gateway that can answer calls.
pub struct Gateway {
    pub(crate) parts: GatewayParts,
    /// The answer to a denial by policy, if it replaces the operation's own.
    pub(crate) denial: Option<Answer>,
    /// Counters of the answers to calls.
    pub(crate) answers: AnswerCounts,
    pub(crate) refusal_log: RefusalLog,
    /// Permits for judging that may take long.
    pub(crate) long_judging: Arc<Semaphore>,
    pub(crate) listeners: Listeners,
    pub(crate) waiting_calls: Arc<WaitingCalls>,
    /// Requests for credentials that the workload did not make itself, counted by the reason for their refusal.
    indirect: [AtomicU64; RefusedFor::ALL.len()],
}

/// Limit for the part of a head that is not the query: more than any client of this API sends.
const HEADER_BYTES: usize = 32 << 10;
const HEADERS: usize = 100;

impl Gateway {
    /// The catalogue must have the denial code, which loading the configuration has verified.
    pub fn new(mut parts: GatewayParts) -> Self {
        let ecs = (parts.judge.operations.other == OtherOperations::Forward).then(|| ECS.to_owned());
        let others = parts.upstreams.products.iter().filter(|product| product.forwards());
        let forwarded: Vec<String> = ecs.into_iter().chain(others.map(|it| it.settings.name.clone())).collect();
        parts.in_force.pdp = parts.in_force.pdp.forwarding(forwarded);
        if parts.judge.operations.trunk == TrunkEni::Judge {
            parts.judge.catalog = Arc::new(parts.judge.catalog.judging_unavailable());
        }
        if parts.upstreams.signing == Signing::PassThrough {
            // The call is judged exactly as it was signed, so no alias is replaced.
            parts.judge.region_aliases = RegionAliases::default();
        }
        let denial = parts.judge.catalog.denial(&parts.judge.denial.code).ok();
        let answers = AnswerCounts::new(&parts.judge.catalog);
        let listeners = Listeners::new(&parts.front.limits);
        let waiting_calls = WaitingCalls::new(parts.front.limits.connections);
        let (refusal_log, long_judging) = (RefusalLog::default(), long_judging_permits());
        let indirect = Default::default();
        Self { parts, denial, answers, refusal_log, long_judging, listeners, waiting_calls, indirect }
    }

    /// Counts a request for credentials that the workload did not make itself.
    pub(crate) fn note_indirect(&self, refused_for: RefusedFor) {
        self.indirect[refused_for as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The number of such requests since the start, by the label of the reason for their refusal.
    pub(crate) fn indirect(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let count = |kind: RefusedFor| self.indirect[kind as usize].load(Ordering::Relaxed);
        RefusedFor::ALL.into_iter().map(move |(kind, word)| (word, count(kind)))
    }

    /// The upstream of the product that an operation belongs to.
    pub(crate) fn upstream_of(&self, operation: &Operation) -> &Upstream {
        let service = operation.action().service();
        let product = self.parts.upstreams.products.iter().find(|product| product.settings.name == service);
        product.map_or(&self.parts.upstreams.ecs, |product| &product.upstream)
    }

    /// The upstreams of ECS and of all other products.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        std::iter::once(&self.parts.upstreams.ecs)
            .chain(self.parts.upstreams.products.iter().map(|product| &product.upstream))
    }

    /// Whether the gateway issues keys of its own.
    pub(crate) fn issues(&self) -> bool {
        self.parts.in_force.issuing.is_some()
    }

    /// Refreshes the key set of a token issuer.
    pub(crate) async fn refresh_keys_of(&self, issuer: &str) {
        if let Some(keys) = self.parts.in_force.issuer_keys.iter().find(|keys| keys.issuer() == issuer) {
            keys.refreshed().await;
        }
    }

    /// Charges one item to a holder's budget.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn charge(&self, holder: &Holder, item: BudgetItem) -> Result<(), BudgetError> {
        self.parts.callers.budgets.charge(holder, item, clock::steady())
    }

    pub(crate) fn authenticator(&self, channel: Channel) -> Authenticator<'_> {
        Authenticator {
            keys: &self.parts.in_force.keys,
            issuers: &self.parts.in_force.issuers,
            issuer: self.parts.in_force.issuing.as_ref().map(|issuing| &*issuing.issuer),
            channel,
            clock: Clock { skew: self.parts.callers.identity.clock_skew },
            nonces: &*self.parts.callers.nonces,
            budget: Some(NonceBudget { budgets: &self.parts.callers.budgets, elapsed: clock::steady() }),
        }
    }

    pub(crate) fn reader_limits(&self) -> ReaderLimits {
        let limits = &self.parts.front.limits;
        let head = HeadLimits {
            head_bytes: limits.query_bytes + HEADER_BYTES,
            query_bytes: limits.query_bytes,
            body_bytes: limits.body_bytes as u64,
            headers: HEADERS,
        };
        ReaderLimits {
            head,
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            call_timeout: limits.call_timeout,
        }
    }

    pub(crate) fn form_limits(&self) -> FormLimits {
        FormLimits { parameters: self.parts.front.limits.parameters }
    }
}

/// One processor is left to the threads that serve connections.
fn long_judging_permits() -> Arc<Semaphore> {
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    Arc::new(Semaphore::new(processors.saturating_sub(1).max(1)))
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("replica", &self.parts.front.replica).finish_non_exhaustive()
    }
}

/// The parts contain keys and contents of files, so their `Debug` form is only their name.
macro_rules! opaque {
    ($($part:ident),+) => {
        $(impl std::fmt::Debug for $part {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($part)).finish_non_exhaustive()
            }
        })+
    };
}

opaque!(InForce, Callers, Judge, Upstreams, Front);

impl std::fmt::Debug for GatewayParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayParts").field("replica", &self.front.replica).finish_non_exhaustive()
    }
}

/// The condition keys that the gateway supplies for every call (`docs/spec/ram-policy.md` 4.5).
pub(crate) fn context_of(attempt: &Attempt) -> Context {
    let mut context = Context::default();
    context.add(ContextKey::CurrentTime, attempt.second());
    context.add(ContextKey::SecureTransport, attempt.transport == "https");
    context.add(ContextKey::SourceIp, attempt.source.to_canonical());
    context
}
