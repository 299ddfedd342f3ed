//! From settings to a gateway that can run, or every reason why not. Nothing starts half.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{FileSink, Journal, JournalIdentity};
use crate::budget::{BudgetLimits, Budgets};
use crate::catalog::Catalog;
use crate::config::{Endpoint, OwnKeys, ResourceSource, Settings, Signing, environment, is_protected_url};
use crate::gateway::{
    CredentialsListener, Gateway, GatewayParts, Product, ReservedPort, ResourceFacts, ServerTls, Upstream,
    UpstreamFacts, UpstreamKeys, UpstreamTarget, client_tls, now, steady,
};
use crate::identity::{Credential, KeyRing, KeyStatus, Secret, WithoutSecret};
use crate::pdp::{Directory, Pdp};
use crate::ram::{AccessKeyId, Principal};
use crate::simulator::{Simulator, SimulatorSettings, World};
use crate::source::Source;
use crate::store::{
    DEMO_KEYRING, FactSource, FileModes, FileNonces, Loaded, demo_policies, load_directories, read_bounded,
    read_keyring, read_keyring_text,
};

use super::audit_log::{self, LogParts, Opened};
use super::exit::Failure;
use super::hangup::Reloads;
use super::http_client::read_roots;
use super::insecure::Insecure;
use super::issuing::ReadyIssuer;
use super::nonces::{self, KeyLife};
use super::own_key::{keep_role_keys, read_own_keys, read_role_keys, simulator_key};
use super::tag_key::TagKeyFile;
use super::tls_files::TlsReload;
use super::token_issuers::{Issuer, look_up, start};
use super::unjudged;
use super::unsupplied::unsupplied;

/// Where the policies and the keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Material {
    /// Compiled in.
    Demo,
    Files,
}

/// Where the keys come from that callers sign with.
#[derive(Debug)]
pub(super) enum Keys {
    Material(Material),
    /// One for each principal, made for this run.
    Issued(Vec<IssuedKey>),
}

/// A key for the length of one run.
pub(super) struct IssuedKey {
    pub(super) principal: Principal,
    pub(super) id: AccessKeyId,
    pub(super) secret: String,
}

/// Everything that is read before a socket is opened.
pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) policies: Material,
    pub(super) keys: Keys,
    /// Of the embedded ECS.
    pub(super) world: World,
    pub(super) insecure: Insecure,
}

/// What the plan came to, checked.
pub(super) struct Ready {
    pub(super) settings: Settings,
    pub(super) loaded: Loaded,
    keys: KeyRing,
    upstream_keys: UpstreamKeys,
    tls: rustls::ClientConfig,
    listener_tls: Option<(TlsReload, ServerTls)>,
    replica: String,
    world: World,
    issuers: Vec<Issuer>,
    issuing: Option<ReadyIssuer>,
    log: LogParts,
    key_life: KeyLife,
    modes: FileModes,
}

/// A gateway, and what else is served beside it.
pub(super) struct Started {
    pub(super) gateway: Gateway,
    /// What is served on the listener of `[identity.issuer.credentials]`.
    pub(super) credentials: CredentialsListener,
    /// To be closed when all else is done.
    pub(super) log: Arc<FileSink>,
    /// To be closed after the log.
    pub(super) nonces: Option<Arc<FileNonces>>,
}

impl Plan {
    /// Reads and checks all that the gateway needs.
    pub(super) fn prepare(self) -> Result<Ready, Failure> {
        self.refuse_insecure()?;
        let loaded = self.load()?;
        self.ready(loaded)
    }

    /// The policies alone.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let facts = match self.settings.resources.source {
            ResourceSource::File => FactSource::File,
            ResourceSource::Upstream => FactSource::Upstream,
        };
        let mut loaded = match self.policies {
            Material::Demo => Loaded::from_files(vec![demo_policies()], facts, now())?,
            Material::Files => load_directories(&self.settings.policies, facts, now())?,
        };
        if facts == FactSource::Upstream {
            refuse_other_facts(&loaded, &self.settings.upstream.endpoint)?;
        }
        loaded.warnings.extend(unsupplied(&loaded, &self.settings));
        if loaded.documents.is_empty() && !self.insecure.insecure_no_policy {
            let help = "write a policy, or start with `--insecure-no-policy`: everybody is refused then";
            return Err(Failure::new("no policy is loaded", help));
        }
        Ok(loaded)
    }

    /// Everything else, once it is known who exists.
    pub(super) fn ready(self, loaded: Loaded) -> Result<Ready, Failure> {
        let modes = if self.insecure.insecure_key_file_mode { FileModes::Ignored } else { FileModes::Checked };
        let keys = self.keys(&loaded.directory, modes)?;
        let roots =
            self.settings.upstream.ca_file.as_deref().map(|path| read_roots(path, "upstream.ca_file")).transpose()?;
        let tls = client_tls(roots.as_deref()).map_err(|error| {
            Failure::new(format!("the upstream's certificates cannot be used: {error}"), "mend `upstream.ca_file`")
        })?;
        let upstream_keys = self.upstream_keys(&loaded.directory, modes, &tls)?;
        let listener_tls = self.settings.listener.tls.clone();
        let listener_tls =
            listener_tls.map(|settings| TlsReload::start(settings, modes, &loaded.directory)).transpose()?;
        let replica = self.settings.replica.clone().unwrap_or_else(host_name);
        let issuers = look_up(&self.settings.tokens, &loaded.directory)?;
        let issuing = self.settings.issuer.as_ref();
        let issuing = issuing.map(|issuer| ReadyIssuer::read(issuer, &loaded.directory, modes)).transpose()?;
        let log = LogParts::read(&self.settings.audit, modes, loaded.directory.revision())?;
        let key_life = match &self.keys {
            Keys::Material(_) => KeyLife::Lasting,
            Keys::Issued(_) => KeyLife::OneRun,
        };
        let Self { settings, world, .. } = self;
        Ok(Ready {
            settings,
            loaded,
            keys,
            upstream_keys,
            tls,
            listener_tls,
            replica,
            world,
            issuers,
            issuing,
            log,
            key_life,
            modes,
        })
    }

    fn refuse_insecure(&self) -> Result<(), Failure> {
        let listen = self.settings.listen;
        if !listen.ip().is_loopback() && matches!(self.keys, Keys::Material(Material::Demo)) {
            let what = format!("`{listen}` is not loopback, and everybody has the demo's keys");
            return Err(Failure::new(what, "listen on 127.0.0.1, or write a key ring of your own"));
        }
        let plain = self.settings.listener.tls.is_none();
        let credentials = self.settings.issuer.as_ref().and_then(|issuer| issuer.credentials.as_ref());
        if let Some(credentials) = credentials.filter(|it| plain && !it.listen.ip().is_loopback()) {
            let what = format!(
                "`{}` is not loopback, and credentials would be handed out there without TLS",
                credentials.listen
            );
            return Err(Failure::new(what, "add `[tls]` to the configuration, or listen on 127.0.0.1"));
        }
        let admin = self.settings.admin.filter(|admin| !admin.listen.ip().is_loopback());
        if let Some(admin) = admin.filter(|_| !self.insecure.insecure_plain_admin) {
            let what = format!("`{}` is not loopback, and health and metrics are told there without TLS", admin.listen);
            let help = "listen on 127.0.0.1 in `[admin]`, or start with `--insecure-plain-admin`";
            return Err(Failure::new(what, help));
        }
        if self.settings.issuer.is_some() && self.settings.products.iter().any(|product| product.name == "sts") {
            let what = "there is a `[[product]]` `sts`, and this gateway answers calls of STS itself";
            return Err(Failure::new(what, "remove one of the two: the product, or `[identity.issuer]`"));
        }
        if plain && !listen.ip().is_loopback() && !self.insecure.insecure_plain_listener {
            let what = format!("`{listen}` is not loopback, and this listener has no TLS");
            return Err(Failure::new(
                what,
                "add `[tls]` to the configuration, or start with `--insecure-plain-listener`",
            ));
        }
        if self.settings.listener.proxies.trusted.covers_everyone() && !self.insecure.insecure_trusted_proxies {
            let what = "`limits.trusted_proxies` covers everyone: whoever calls could say who they are";
            let help = "name the addresses of your proxies, or start with `--insecure-trusted-proxies`";
            return Err(Failure::new(what, help));
        }
        let ecs = match &self.settings.upstream.endpoint {
            Endpoint::Server { url, .. } => Some(url),
            Endpoint::Simulator if self.settings.products.is_empty() => None,
            Endpoint::Simulator => {
                let what = "there is a `[[product]]`, and the embedded ECS has a key that nobody else knows";
                return Err(Failure::new(what, "give the `url` of a server in `[upstream]`, or leave the section out"));
            }
        };
        let mut urls = ecs.into_iter().chain(self.settings.products.iter().map(|product| &product.url));
        let plain = |url: &&String| url.starts_with("http://") && !is_protected_url(url);
        let Some(url) = urls.find(plain) else { return Ok(()) };
        if !self.insecure.insecure_plain_upstream {
            let what =
                format!("`{url}` is plain http and not on loopback: whoever is on the way reads and changes calls");
            return Err(Failure::new(what, "use https, or start with `--insecure-plain-upstream`"));
        }
        Ok(())
    }

    fn keys(&self, directory: &Directory, modes: FileModes) -> Result<KeyRing, Failure> {
        let known = |written| directory.named(written).map_err(|unknown| unknown.to_string());
        match &self.keys {
            Keys::Material(Material::Demo) => {}
            Keys::Material(Material::Files) => {
                let without_secret = match self.settings.upstream.signing {
                    Signing::Resign => WithoutSecret::Refused,
                    Signing::PassThrough => WithoutSecret::KnownById,
                };
                return Ok(read_keyring(&self.settings.keyring, without_secret, known, modes)?);
            }
            Keys::Issued(keys) => return Ok(KeyRing::new(keys.iter().map(IssuedKey::credential))),
        }
        let source = Source::new("(demo) keyring.toml", DEMO_KEYRING);
        let read = read_keyring_text(&source, Path::new(""), WithoutSecret::Refused, known, modes);
        read.map_err(|_| {
            let what = "the demo's keys belong to principals that the policy directory does not have";
            Failure::new(what, "write a key ring and name it with `--keyring`")
        })
    }

    fn upstream_keys(
        &self,
        directory: &Directory,
        modes: FileModes,
        tls: &rustls::ClientConfig,
    ) -> Result<UpstreamKeys, Failure> {
        match &self.settings.upstream.endpoint {
            Endpoint::Simulator => {
                let account = directory.principals().next().map(|(principal, _)| principal.account().clone());
                Ok(simulator_key(account).into())
            }
            Endpoint::Server { keys, .. } => read_own_keys(keys, directory, modes, tls),
        }
    }
}

impl IssuedKey {
    fn credential(&self) -> Credential {
        Credential::new(self.id.clone(), &Secret::new(self.secret.as_str()), self.principal.clone(), KeyStatus::Active)
    }
}

impl std::fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedKey").field("principal", &self.principal).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Ready {
    /// Has the first of the keys that are a role's: before anything listens.
    pub(super) async fn read_role_keys(&self) -> Result<(), Failure> {
        read_role_keys(&self.upstream_keys).await
    }

    /// Starts the embedded ECS where it is asked for, and puts the gateway together. The log is opened last of all that
    /// can fail, so that a start that fails leaves none behind.
    pub(super) async fn gateway(
        self,
        reloads: &Reloads,
        servers: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<Started, Failure> {
        let signing = self.settings.upstream.signing;
        let url = match &self.settings.upstream.endpoint {
            Endpoint::Server { url, .. } => url.clone(),
            Endpoint::Simulator => {
                let cannot = |error| Failure::new(format!("the embedded ECS cannot listen: {error}"), "free a port");
                let listener =
                    ReservedPort::bind((Ipv4Addr::LOCALHOST, 0).into()).and_then(ReservedPort::open).map_err(cannot)?;
                let url = format!("http://{}", listener.local_addr().map_err(cannot)?);
                // Calls come with their callers' signatures, or with the gateway's.
                let callers = self.keys.iter().filter(|_| signing == Signing::PassThrough);
                let keys = KeyRing::new(self.upstream_keys.credentials().chain(callers).cloned());
                let simulator = Arc::new(Simulator::new(self.world, keys, SimulatorSettings::default()));
                servers.spawn(crate::simulator::run(listener, simulator, shutdown.clone()));
                url
            }
        };
        let (issuers, issuer_keys) = start(self.issuers, reloads, servers, shutdown).await?;
        let audit = &self.settings.audit;
        let tags = TagKeyFile::read(&audit.path)?;
        let Opened { log, shipping } = audit_log::open(audit, &self.replica, self.log)?;
        let nonces = nonces::open(&self.settings, self.key_life, self.modes, &log)?;
        let limits = &self.settings.limits;
        let budgets = Arc::new(Budgets::new(BudgetLimits {
            principal: limits.principal.per_minute,
            source: limits.source.per_minute,
            strangers_lines: audit.unauthenticated_total.into(),
        }));
        let identity = JournalIdentity { tags: Some(tags.keep()), ..log.identity().clone() };
        let journal = Journal::new(Box::new(Arc::clone(&log)), identity, Arc::clone(&budgets), steady);
        if let Some((shipping, spool)) = shipping {
            servers.spawn(shipping.run(spool, shutdown.clone()));
        }
        unjudged::warn(&self.settings);
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
            catalog: Catalog::bundled(),
            pdp: Pdp::new(Arc::new(self.loaded.directory)),
            facts,
            keys: self.keys,
            issuers,
            issuer_keys,
            issuing,
            nonces: nonces.memory,
            journal: Arc::new(journal),
            budgets,
            products: self.settings.products.into_iter().map(|product| Product::new(product, &upstream)).collect(),
            upstream,
            regions: self.settings.upstream.regions,
            region_aliases: self.settings.upstream.region_aliases,
            signing,
            hosts: self.settings.hosts,
            replica: self.replica,
            identity: self.settings.identity,
            denial: self.settings.denial,
            operations: self.settings.operations,
            limits: self.settings.limits,
            proxies: self.settings.listener.proxies,
            tls,
        });
        Ok(Started { gateway, credentials, log, nonces: nonces.files })
    }
}

/// One key reads one account's facts, and what a file says beside them would count for nothing.
fn refuse_other_facts(loaded: &Loaded, endpoint: &Endpoint) -> Result<(), Failure> {
    let one_key = !matches!(endpoint, Endpoint::Server { keys: OwnKeys::OfAccount(_), .. });
    if one_key && loaded.directory.only_account().is_none() {
        let what = "facts about resources are read from ECS with one key, and there are several accounts";
        return Err(Failure::new(
            what,
            "write a `[[upstream.key]]` for each, or `resources.toml` and `source = \"file\"`",
        ));
    }
    if !loaded.inventory.is_empty() {
        let what = "facts about resources are read from ECS, and there is a `resources.toml` too";
        return Err(Failure::new(what, "remove the file, or set `[resources] source = \"file\"`"));
    }
    Ok(())
}

pub(super) fn host_name() -> String {
    let told = environment("HOSTNAME").filter(|name| !name.is_empty());
    let asked =
        || read_bounded(Path::new("/proc/sys/kernel/hostname"), 256).ok().and_then(|name| String::from_utf8(name).ok());
    told.or_else(asked).map_or_else(|| "ramgate".to_owned(), |name| name.trim().to_owned())
}
