//! A gateway on port 0, with parts that a test can replace.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ram_policy::Source;
use ramgate::audit::{Journal, JournalIdentity, MemorySink, Sink, TagKey};
use ramgate::budget::{BudgetLimits, Budgets, PerMinute};
use ramgate::catalog::Catalog;
use ramgate::config::{ResourceSource, Settings, Signing};
use ramgate::gateway::{
    Callers, Front, Gateway, GatewayParts, InForce, Judge, Product, ResourceAttributes, ServerTls, Upstream,
    UpstreamAttributes, UpstreamKeys, UpstreamTarget, Upstreams, client_tls, run, steady,
};
use ramgate::identity::{Credential, InMemoryNonces, KeyRing, NonceMemory, WithoutSecret};
use ramgate::pdp::Pdp;
use ramgate::simulator::{Simulator, SimulatorSettings, World};
use ramgate::store::{
    AttributeSource, DEMO_KEYRING, FileModes, LoadedPolicies, PolicyFiles, demo_policies, read_keyring_text,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;

/// The parts of a test's gateway. The default is the demo in front of the embedded ECS.
pub struct Setup {
    pub settings: Settings,
    pub policies: PolicyFiles,
    /// Policies of further accounts.
    pub more_policies: Vec<PolicyFiles>,
    /// Keys in addition to the demo's, in the format of a key ring file.
    pub keyring: String,
    /// The upstream's URL. If `None`, an embedded ECS is started.
    pub upstream: Option<String>,
    /// The gateway's keys at the upstream. If `None`, [`own_key`].
    pub upstream_keys: Option<UpstreamKeys>,
    /// The initial state of the embedded ECS.
    pub world: World,
    pub upstream_roots: Option<Vec<u8>>,
    /// If `None`, events are kept in memory.
    pub sink: Option<Box<dyn Sink>>,
    pub nonces: Option<Arc<dyn NonceMemory>>,
    pub budgets: BudgetLimits,
    /// If `None`, the listener does not use TLS.
    pub tls: Option<ServerTls>,
}

/// Raises the limits so that every refused attempt is logged. Tests about budgets set their own limits.
fn roomy(limits: PerMinute) -> PerMinute {
    PerMinute { refused_lines: 10_000, refused_bytes: 64 << 20, ..limits }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            settings: Settings::demo(),
            policies: demo_policies(),
            more_policies: Vec::new(),
            keyring: String::new(),
            upstream: None,
            upstream_keys: None,
            world: World::demo(),
            upstream_roots: None,
            sink: None,
            nonces: None,
            budgets: BudgetLimits {
                principal: roomy(PerMinute::OF_PRINCIPAL),
                source: roomy(PerMinute::OF_SOURCE),
                lines_of_all_sources: 10_000,
            },
            tls: None,
        }
    }
}

/// A running gateway, stopped on drop.
pub struct TestGateway {
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    audit: Arc<MemorySink>,
    runtime: Option<Runtime>,
}

impl TestGateway {
    pub fn demo() -> Self {
        Self::start(Setup::default())
    }

    /// The demo in front of the test's own upstream.
    pub fn before(url: &str) -> Self {
        Self::start(Setup { upstream: Some(url.to_owned()), ..Setup::default() })
    }

    pub fn start(setup: Setup) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let shutdown = CancellationToken::new();
        let audit = Arc::new(MemorySink::default());
        let sink = setup.sink.unwrap_or_else(|| Box::new(Arc::clone(&audit)));
        let now = ramgate::gateway::now();
        let source = match setup.settings.resources.source {
            ResourceSource::File => AttributeSource::File,
            ResourceSource::Upstream => AttributeSource::Upstream,
        };
        let policies = [vec![setup.policies], setup.more_policies].concat();
        let loaded = LoadedPolicies::from_files(policies, source, now).unwrap();
        let source = Source::new("keyring", format!("{DEMO_KEYRING}\n{}", setup.keyring));
        let keys = read_keyring_text(
            &source,
            Path::new(""),
            match setup.settings.upstream.signing {
                Signing::Resign => WithoutSecret::Refused,
                Signing::PassThrough => WithoutSecret::KnownById,
            },
            |raw| raw.in_account(Some(&super::ACCOUNT.parse().unwrap())).ok_or_else(String::new),
            FileModes::Ignored,
        )
        .unwrap();
        let own = own_key();
        let settings = setup.settings;
        let (listener, url) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = match setup.upstream {
                Some(url) => url,
                None => {
                    let ecs = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let url = format!("http://{}", ecs.local_addr().unwrap());
                    let delays =
                        SimulatorSettings { attach_delay: Duration::from_millis(100), ..SimulatorSettings::default() };
                    let simulator = Simulator::new(setup.world, KeyRing::new([own.clone()]), delays);
                    tokio::spawn(ramgate::simulator::run(ecs, Arc::new(simulator), shutdown.clone()));
                    url
                }
            };
            (listener, url)
        });
        let address = listener.local_addr().unwrap();
        let identity = JournalIdentity {
            chain: "CHAIN".to_owned(),
            replica: "replica-1".to_owned(),
            tags: Some(TagKey::new(&[7; 32])),
        };
        let inside = runtime.enter();
        let budgets = Arc::new(Budgets::new(setup.budgets));
        let target = UpstreamTarget { url, timeout: settings.upstream.timeout };
        let tls = client_tls(setup.upstream_roots.as_deref()).unwrap();
        let upstream = Arc::new(Upstream::new(target, setup.upstream_keys.unwrap_or_else(|| own.into()), tls));
        let attributes = match settings.resources.source {
            ResourceSource::File => ResourceAttributes::Inventory(loaded.inventory),
            ResourceSource::Upstream => {
                ResourceAttributes::Upstream(UpstreamAttributes::new(Arc::clone(&upstream), &settings.resources))
            }
        };
        let gateway = Gateway::new(GatewayParts {
            journal: Arc::new(Journal::new(sink, identity, Arc::clone(&budgets), steady)),
            in_force: InForce {
                pdp: Pdp::new(Arc::new(loaded.directory)),
                attributes,
                keys,
                issuers: Vec::new(),
                issuer_keys: Vec::new(),
                issuing: None,
                tls: setup.tls,
            },
            callers: Callers {
                nonces: setup.nonces.unwrap_or_else(|| Arc::new(InMemoryNonces::new(settings.identity.nonces, steady))),
                budgets,
                identity: settings.identity,
            },
            judge: Judge {
                catalog: Catalog::bundled(),
                operations: settings.operations,
                regions: settings.upstream.regions.clone(),
                region_aliases: settings.upstream.region_aliases.clone(),
                denial: settings.denial.clone(),
            },
            upstreams: Upstreams {
                products: settings.products.iter().map(|product| Product::new(product.clone(), &upstream)).collect(),
                ecs: upstream,
                signing: settings.upstream.signing,
            },
            front: Front {
                hosts: settings.hosts.clone(),
                limits: settings.limits,
                proxies: settings.listener.proxies.clone(),
                replica: "replica-1".to_owned(),
            },
        });
        runtime.spawn(run(listener, Arc::new(gateway), shutdown.clone()));
        drop(inside);
        Self { address, shutdown, audit, runtime: Some(runtime) }
    }

    /// Sends bytes on a new connection, reads the answer, and checks whether the connection closes.
    pub fn exchange(&self, request: &[u8]) -> super::Answer {
        super::exchange(self.address, request)
    }

    /// Like `exchange`, for tests that do not care whether the connection closes.
    pub fn ask(&self, request: &[u8]) -> super::Answer {
        super::ask(self.address, request)
    }

    /// The events written so far.
    pub fn events(&self) -> Vec<Value> {
        let events: Vec<Value> = self.audit.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        events.iter().for_each(super::schema::check_event);
        events
    }

    /// The last event written.
    pub fn last_event(&self) -> Value {
        self.events().pop().expect("an event")
    }
}

/// The key that forwarded calls are signed with.
pub fn own_key() -> Credential {
    Caller::new("LTAI5tGatewayItself0", "the gateway's own secret").credential()
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}
