//! What a gateway is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use crate::audit::{Attempt, Journal};
use crate::budget::{Budgets, Holder, Item, Throttled};
use crate::catalog::{Answer, Catalog, Operation};
use crate::config::{
    DenialSettings, IdentitySettings, Limits, OperationSettings, OtherOperations, ProxySettings, RegionAliases,
    Signing, TrunkEni,
};
use crate::identity::{Authenticator, Channel, Clock, KeyRing, NonceBudget, NonceMemory, TokenIssuer};
use crate::pdp::Pdp;
use crate::ram::{Context, ContextKey, Region};
use crate::wire::{FormLimits, HeadLimits};

use super::answer_counts::AnswerCounts;
use super::called::ECS;
use super::clock;
use super::connections::Listeners;
use super::issuer_keys::IssuerKeys;
use super::long;
use super::product::Product;
use super::reader::ReaderLimits;
use super::refusal_log::RefusalLog;
use super::resource_facts::ResourceFacts;
use super::server_tls::ServerTls;
use super::sts::{Issuing, RefusedFor};
use super::upstream::Upstream;
use super::waiting_strangers::WaitingStrangers;

/// The parts, each ready to work.
pub struct GatewayParts {
    pub catalog: Arc<Catalog>,
    pub pdp: Pdp,
    pub facts: ResourceFacts,
    pub keys: KeyRing,
    /// Whose tokens are accepted, and where their keys come from.
    pub issuers: Vec<TokenIssuer>,
    pub issuer_keys: Vec<Arc<IssuerKeys>>,
    /// Where the gateway issues keys of its own.
    pub issuing: Option<Issuing>,
    pub nonces: Arc<dyn NonceMemory>,
    pub journal: Arc<Journal>,
    /// Of the journal's lines, too.
    pub budgets: Arc<Budgets>,
    /// Shared with the facts, where they are read there.
    pub upstream: Arc<Upstream>,
    /// Besides ECS.
    pub products: Vec<Product>,
    pub regions: Vec<Region>,
    pub region_aliases: RegionAliases,
    /// Whose signature a call bears upstream.
    pub signing: Signing,
    pub hosts: Vec<String>,
    /// `HostId` of answers.
    pub replica: String,
    pub identity: IdentitySettings,
    pub denial: DenialSettings,
    pub operations: OperationSettings,
    pub limits: Limits,
    pub proxies: ProxySettings,
    /// Without it the listener is plain.
    pub tls: Option<ServerTls>,
}

/// A gateway that can answer calls.
pub struct Gateway {
    pub(super) parts: GatewayParts,
    /// What a denial by policy is answered with, where it is not the operation's own.
    pub(super) denial: Option<Answer>,
    /// What calls were answered with.
    pub(super) answers: AnswerCounts,
    pub(super) refusal_log: RefusalLog,
    /// Turns for judging that may take long.
    pub(super) long_judging: Arc<Semaphore>,
    pub(super) listeners: Listeners,
    pub(super) waiting_strangers: Arc<WaitingStrangers>,
    /// Requests for credentials that were not the workload's own, by what they were refused for.
    indirect: [AtomicU64; RefusedFor::ALL.len()],
}

/// A head's lines besides the query: more than any client of this API sends.
const HEADER_BYTES: usize = 32 << 10;
const HEADERS: usize = 100;

impl Gateway {
    /// The denial code must be one that the catalogue knows; the configuration was checked for it.
    pub fn new(mut parts: GatewayParts) -> Self {
        let ecs = (parts.operations.other == OtherOperations::Forward).then(|| ECS.to_owned());
        let others = parts.products.iter().filter(|product| product.forwards());
        let forwarded: Vec<String> = ecs.into_iter().chain(others.map(|it| it.settings.name.clone())).collect();
        parts.pdp = parts.pdp.forwarding(forwarded);
        if parts.operations.trunk == TrunkEni::Judge {
            parts.catalog = Arc::new(parts.catalog.judging_unavailable());
        }
        if parts.signing == Signing::PassThrough {
            // What is judged is what was signed.
            parts.region_aliases = RegionAliases::default();
        }
        let denial = parts.catalog.denial(&parts.denial.code).ok();
        let answers = AnswerCounts::new(&parts.catalog);
        let listeners = Listeners::new(&parts.limits);
        let waiting_strangers = WaitingStrangers::new(parts.limits.connections);
        let (refusal_log, long_judging) = (RefusalLog::default(), long::turns());
        let indirect = Default::default();
        Self { parts, denial, answers, refusal_log, long_judging, listeners, waiting_strangers, indirect }
    }

    /// Counts a request for credentials that was not the workload's own.
    pub(super) fn note_indirect(&self, refused_for: RefusedFor) {
        self.indirect[refused_for as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Such requests since the start, with the word for what they were refused for.
    pub(super) fn indirect(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let count = |kind: RefusedFor| self.indirect[kind as usize].load(Ordering::Relaxed);
        RefusedFor::ALL.into_iter().map(move |(kind, word)| (word, count(kind)))
    }

    /// Where calls of an operation go: to the product that it is of.
    pub(super) fn upstream_of(&self, operation: &Operation) -> &Upstream {
        let service = operation.action().service();
        let product = self.parts.products.iter().find(|product| product.settings.name == service);
        product.map_or(&self.parts.upstream, |product| &product.upstream)
    }

    /// Where calls go: ECS, and the products besides it.
    pub(super) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        std::iter::once(&self.parts.upstream).chain(self.parts.products.iter().map(|product| &product.upstream))
    }

    /// Whether the gateway issues keys of its own.
    pub(super) fn issues(&self) -> bool {
        self.parts.issuing.is_some()
    }

    /// Reads the keys of a token's issuer again.
    pub(super) async fn refresh_keys_of(&self, issuer: &str) {
        if let Some(keys) = self.parts.issuer_keys.iter().find(|keys| keys.issuer() == issuer) {
            keys.refreshed().await;
        }
    }

    /// Charges one item to the holder of a budget, now.
    pub(super) fn charge(&self, holder: &Holder, item: Item) -> Result<(), Throttled> {
        self.parts.budgets.charge(holder, item, clock::steady())
    }

    pub(super) fn authenticator(&self, channel: Channel) -> Authenticator<'_> {
        Authenticator {
            keys: &self.parts.keys,
            issuers: &self.parts.issuers,
            issuer: self.parts.issuing.as_ref().map(|issuing| &*issuing.issuer),
            channel,
            clock: Clock { skew: self.parts.identity.clock_skew },
            nonces: &*self.parts.nonces,
            budget: Some(NonceBudget { budgets: &self.parts.budgets, elapsed: clock::steady() }),
        }
    }

    pub(super) fn reader_limits(&self) -> ReaderLimits {
        let limits = &self.parts.limits;
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

    pub(super) fn form_limits(&self) -> FormLimits {
        FormLimits { parameters: self.parts.limits.parameters }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("replica", &self.parts.replica).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for GatewayParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayParts").field("replica", &self.replica).finish_non_exhaustive()
    }
}

/// The condition keys that the gateway knows of every call (`spec/ram-policy.md` 4.5).
pub(super) fn context_of(attempt: &Attempt) -> Context {
    let mut context = Context::default();
    context.add(ContextKey::CurrentTime, attempt.second());
    context.add(ContextKey::SecureTransport, attempt.transport == "https");
    context.add(ContextKey::SourceIp, attempt.source.to_canonical());
    context
}
