//! Starts a prepared gateway, and runs it until the shutdown.

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
    LogSpace, Product, ReservedPort, ResourceAttributes, Upstream, UpstreamAttributes, UpstreamTarget, Upstreams,
    steady,
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

/// A prepared gateway whose addresses are reserved. It accepts no connections yet, and no log is open.
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

/// A gateway, and the parts that are served or closed along with it.
struct Assembled {
    gateway: Gateway,
    /// The hosts and URIs of `[identity.issuer.credentials]`.
    credentials: CredentialsListener,
    /// Closed after the last call has finished.
    log: Arc<FileSink>,
    /// Closed after the log.
    nonces: Option<Arc<FileNonces>>,
}

impl Prepared {
    /// Reads the first keys of instance roles, and reserves every address.
    ///
    /// # Errors
    /// A role provides no key, so no call could be signed; or an address is in use.
    pub async fn bind(self) -> Result<Bound, StartError> {
        read_role_keys(&self.upstream_keys).await?;
        let ports = Ports::reserve(&self.settings)?;
        Ok(Bound { prepared: self, ports })
    }

    /// Starts the embedded ECS if configured, and assembles the gateway. The log is opened as late as possible, so that
    /// a failed start leaves no new log behind.
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
                // In pass-through, calls carry their callers' signatures.
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
        let Opened { log, exporter } = audit_log::open(audit, &self.replica, self.log)?;
        let nonces = nonces::open(&self.settings, self.key_life, self.modes, &log)?;
        let limits = &self.settings.limits;
        let budgets = Arc::new(Budgets::new(BudgetLimits {
            principal: limits.principal.per_minute,
            source: limits.source.per_minute,
            lines_of_all_sources: audit.unauthenticated_total.into(),
        }));
        let identity = JournalIdentity { tags: Some(tags.keep()), ..log.identity().clone() };
        let journal = Journal::new(Box::new(Arc::clone(&log)), identity, Arc::clone(&budgets), steady);
        if let Some((exporter, spool)) = exporter {
            servers.spawn(exporter.run(spool, shutdown.clone()));
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
        let attributes = match resources.source {
            ResourceSource::File => ResourceAttributes::Inventory(self.loaded.inventory),
            ResourceSource::Upstream => {
                ResourceAttributes::Upstream(UpstreamAttributes::new(Arc::clone(&upstream), resources))
            }
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
                attributes,
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
    /// The addresses on which the gateway will listen.
    pub fn addresses(&self) -> Addresses {
        self.ports.addresses()
    }

    /// Opens the log and every listener. `shutdown` stops the gateway; `reloads` makes it read files again.
    ///
    /// # Errors
    /// A log, a spool or a nonce file cannot be opened, a file with token keys cannot be read, or an address was taken
    /// in between. Tasks that already ran are stopped.
    pub async fn start(self, reloads: Reloads, shutdown: &CancellationToken) -> Result<Started, StartError> {
        // This future holds every part of a gateway: 20 kB that should not be on the stack of its caller.
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
    /// The addresses on which the gateway listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The paths that [`Addresses::credentials`] serves, each with its role.
    pub fn credentials(&self) -> &[CredentialsUri] {
        &self.assembled.credentials.uris
    }

    /// Answers calls until the shutdown, then finishes calls in progress and closes the log.
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
