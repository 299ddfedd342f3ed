//! From a prepared plan to a gateway that answers calls.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::audit::{FileSink, Journal, JournalIdentity};
use crate::budget::{BudgetLimits, Budgets};
use crate::catalog::Catalog;
use crate::config::{Endpoint, ResourceSource, Signing};
use crate::gateway::{
    self, Callers, ChangedFiles, CredentialsListener, CredentialsUri, Front, Gateway, GatewayParts, InForce, Judge,
    LogSpace, Product, ReservedPort, ResourceFacts, Upstream, UpstreamFacts, UpstreamTarget, Upstreams, steady,
};
use crate::identity::KeyRing;
use crate::pdp::Pdp;
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::store::{FileNonces, LoadedFiles};

use super::audit_log::{self, Opened};
use super::error::StartError;
use super::own_keys::{keep_role_keys, read_role_keys};
use super::plan::Prepared;
use super::ports::{Addresses, Listeners, Ports};
use super::reloads::Reloads;
use super::tag_key::TagKeyFile;
use super::warnings::warn_of_unjudged_calls;
use super::{changed_files, nonces, token_issuers};

/// A prepared gateway whose addresses are reserved. Nothing is accepted, and no log is begun.
pub struct Bound {
    prepared: Prepared,
    ports: Ports,
}

/// A gateway with an open log whose sockets listen. Connections wait until [`Started::run`] is called; dropped instead,
/// its background tasks end.
pub struct Started {
    addresses: Addresses,
    listeners: Listeners,
    assembled: Assembled,
    space: Arc<LogSpace>,
    watched: Option<LoadedFiles>,
    reloads: Reloads,
    servers: TaskTracker,
    shutdown: CancellationToken,
    ends_when_dropped: DropGuard,
}

/// A gateway, and what else is served or closed with it.
struct Assembled {
    gateway: Gateway,
    /// What is served on the listener of `[identity.issuer.credentials]`.
    credentials: CredentialsListener,
    /// To be closed when all else is done.
    log: Arc<FileSink>,
    /// To be closed after the log.
    nonces: Option<Arc<FileNonces>>,
}

impl Prepared {
    /// Reads the first of the keys that the gateway gets from a role, and reserves every address.
    ///
    /// # Errors
    /// A role without a key, since no call could be signed; or an address that is taken.
    pub async fn bind(self) -> Result<Bound, StartError> {
        read_role_keys(&self.upstream_keys).await?;
        let ports = Ports::reserve(&self.settings)?;
        Ok(Bound { prepared: self, ports })
    }

    /// Starts the embedded ECS if there is one, and puts the gateway together. The log is opened last of all that can
    /// fail, so that a failed start leaves none behind.
    async fn assemble(
        self,
        reloads: &Reloads,
        servers: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<Assembled, StartError> {
        let signing = self.settings.upstream.signing;
        let url = match &self.settings.upstream.endpoint {
            Endpoint::Server { url, .. } => url.clone(),
            Endpoint::Simulator => {
                let cannot = |error| StartError::new(format!("the embedded ECS cannot listen: {error}"), "free a port");
                let listener =
                    ReservedPort::bind((Ipv4Addr::LOCALHOST, 0).into()).and_then(ReservedPort::open).map_err(cannot)?;
                let url = format!("http://{}", listener.local_addr().map_err(cannot)?);
                // A call bears its caller's signature or the gateway's.
                let callers = self.keys.iter().filter(|_| signing == Signing::PassThrough);
                let keys = KeyRing::new(self.upstream_keys.credentials().chain(callers).cloned());
                let ecs = Arc::new(Simulator::new(self.world, keys, SimulatorSettings::default()));
                servers.spawn(simulator::run(listener, ecs, shutdown.clone()));
                url
            }
        };
        let (issuers, issuer_keys) = token_issuers::start(self.issuers, reloads, servers, shutdown).await?;
        let audit = &self.settings.audit;
        let tags = TagKeyFile::read(&audit.path)?;
        let Opened { log, shipping } = audit_log::open(audit, &self.replica, self.log)?;
        let nonces = nonces::open(&self.settings, self.key_life, self.modes, &log)?;
        let limits = &self.settings.limits;
        let budgets = Arc::new(Budgets::new(BudgetLimits {
            principal: limits.principal.per_minute,
            source: limits.source.per_minute,
            lines_of_all_sources: audit.unauthenticated_total.into(),
        }));
        let identity = JournalIdentity { tags: Some(tags.keep()), ..log.identity().clone() };
        let journal = Journal::new(Box::new(Arc::clone(&log)), identity, Arc::clone(&budgets), steady);
        if let Some((shipping, spool)) = shipping {
            servers.spawn(shipping.run(spool, shutdown.clone()));
        }
        warn_of_unjudged_calls(&self.settings);
        let tls = self.listener_tls.map(|(reload, tls)| {
            servers.spawn(reload.watch(reloads.clone(), shutdown.clone()));
            tls
        });
        let upstream = &self.settings.upstream;
        keep_role_keys(&self.upstream_keys, servers, shutdown);
        let target = UpstreamTarget { url, timeout: upstream.timeout };
        let upstream = Arc::new(Upstream::new(target, self.upstream_keys, self.tls));
        let resources = &self.settings.resources;
        let facts = match resources.source {
            ResourceSource::File => ResourceFacts::Inventory(self.loaded.inventory),
            ResourceSource::Upstream => ResourceFacts::Upstream(UpstreamFacts::new(Arc::clone(&upstream), resources)),
        };
        let (mut issuing, mut credentials) = (None, CredentialsListener::default());
        if let Some(ready) = self.issuing {
            credentials.clone_from(&ready.credentials);
            issuing = Some(ready.issuing());
            servers.spawn(ready.keys.watch(reloads.clone(), shutdown.clone()));
        }
        let gateway = Gateway::new(GatewayParts {
            journal: Arc::new(journal),
            in_force: InForce {
                pdp: Pdp::new(Arc::new(self.loaded.directory)),
                facts,
                keys: self.keys,
                issuers,
                issuer_keys,
                issuing,
                tls,
            },
            callers: Callers { nonces: nonces.memory, budgets, identity: self.settings.identity },
            judge: Judge {
                catalog: Catalog::bundled(),
                operations: self.settings.operations,
                regions: self.settings.upstream.regions,
                region_aliases: self.settings.upstream.region_aliases,
                denial: self.settings.denial,
            },
            upstreams: Upstreams {
                products: self.settings.products.into_iter().map(|product| Product::new(product, &upstream)).collect(),
                ecs: upstream,
                signing,
            },
            front: Front {
                hosts: self.settings.hosts,
                limits: self.settings.limits,
                proxies: self.settings.listener.proxies,
                replica: self.replica,
            },
        });
        Ok(Assembled { gateway, credentials, log, nonces: nonces.files })
    }
}

impl Bound {
    /// Where the gateway will listen.
    pub fn addresses(&self) -> Addresses {
        self.ports.addresses()
    }

    /// Opens the log and every listener. `shutdown` stops the gateway from then on, and `reloads` has files read again.
    ///
    /// # Errors
    /// A log, a spool or nonce files that cannot be opened, token keys that cannot be read from their file, or an address
    /// that was taken in between. Whatever ran already is stopped.
    pub async fn start(self, reloads: Reloads, shutdown: &CancellationToken) -> Result<Started, StartError> {
        // A start holds every part of a gateway at once: 20 kB that its caller need not carry.
        Box::pin(self.start_all(reloads, shutdown)).await
    }

    async fn start_all(self, reloads: Reloads, shutdown: &CancellationToken) -> Result<Started, StartError> {
        let Self { mut prepared, ports } = self;
        let addresses = ports.addresses();
        let space = audit_log::space(&prepared.settings.audit);
        let watched = prepared.watched.take();
        let (servers, shutdown) = (TaskTracker::new(), shutdown.child_token());
        let ends_when_dropped = shutdown.clone().drop_guard();
        let end = async |servers: TaskTracker| {
            shutdown.cancel();
            servers.close();
            servers.wait().await;
        };
        let assembled = match prepared.assemble(&reloads, &servers, &shutdown).await {
            Ok(assembled) => assembled,
            Err(error) => {
                end(servers).await;
                return Err(error);
            }
        };
        let listeners = match ports.open() {
            Ok(listeners) => listeners,
            Err(error) => {
                end(servers).await;
                nonces::end(assembled.log, assembled.nonces).await;
                return Err(error);
            }
        };
        Ok(Started { addresses, listeners, assembled, space, watched, reloads, servers, shutdown, ends_when_dropped })
    }
}

impl Started {
    /// Where the gateway listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The paths that [`Addresses::credentials`] serves, each with its role.
    pub fn credentials(&self) -> &[CredentialsUri] {
        &self.assembled.credentials.uris
    }

    /// Answers calls until the shutdown; then finishes those under way, and closes the log.
    pub async fn run(self) {
        let Self { listeners, assembled, space, watched, reloads, servers, shutdown, ends_when_dropped, .. } = self;
        let Assembled { gateway, credentials, log, nonces } = assembled;
        let gateway = Arc::new(gateway);
        if let Some(listener) = listeners.credentials {
            let gateway = Arc::clone(&gateway);
            servers.spawn(gateway::serve_credentials(listener, credentials, gateway, shutdown.clone()));
        }
        let changed = Arc::new(ChangedFiles::default());
        if let Some(files) = watched {
            servers.spawn(Arc::clone(&space).watch(shutdown.clone()));
            servers.spawn(changed_files::watch(files, Arc::clone(&changed), reloads, shutdown.clone()));
        }
        if let Some(listener) = listeners.admin {
            let gateway = Arc::clone(&gateway);
            servers.spawn(gateway::serve_admin(listener, gateway, space, changed, shutdown.clone()));
        }
        gateway::run(listeners.calls, gateway, shutdown).await;
        ends_when_dropped.disarm().cancel();
        servers.close();
        servers.wait().await;
        nonces::end(log, nonces).await;
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
