//! The configuration as the gateway uses it: defaults filled in, values checked, contradictions refused.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use crate::ram::Region;
use crate::text::possible;
use ram_policy::{Diagnostic, Source};

use super::admin::AdminSettings;
use super::audit::AuditSettings;
use super::identity::IdentitySettings;
use super::issuer::IssuerSettings;
use super::limits::Limits;
use super::listener::ListenerSettings;
use super::operations::OperationSettings;
use super::own_key::{OwnKeys, RawKey};
use super::products::ProductSettings;
use super::raw::{RawResources, RawSettings, RawUpstream};
use super::reader::Reader;
use super::region_alias::RegionAliases;
use super::signing::Signing;
use super::tokens::TokenSettings;
use super::{mistake, unsupported};

#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    /// The listener for health and metrics.
    pub admin: Option<AdminSettings>,
    /// The host names that callers may use; empty allows any well-formed name. Pass-through requires them.
    pub hosts: Vec<String>,
    /// This replica's name in `HostId`, logs and audit lines; the machine's host name by default.
    pub replica: Option<String>,
    pub policies: Vec<PathBuf>,
    pub keyring: PathBuf,
    pub upstream: UpstreamSettings,
    pub products: Vec<ProductSettings>,
    pub identity: IdentitySettings,
    pub tokens: Vec<TokenSettings>,
    /// Whether and how the gateway issues keys.
    pub issuer: Option<IssuerSettings>,
    pub denial: DenialSettings,
    pub operations: OperationSettings,
    pub audit: AuditSettings,
    pub resources: ResourceSettings,
    pub limits: Limits,
    pub listener: ListenerSettings,
}

#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    pub endpoint: Endpoint,
    pub regions: Vec<Region>,
    pub region_aliases: RegionAliases,
    pub signing: Signing,
    /// The longest wait for a complete answer.
    pub timeout: Duration,
    /// Replaces the system's root certificates.
    pub ca_file: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A server, and the gateway's own keys there. `{region}` in the URL is replaced with the call's region.
    Server { url: String, keys: OwnKeys },
    /// The embedded ECS, started along with the gateway.
    Simulator,
}

#[derive(Clone, Debug)]
pub struct DenialSettings {
    pub code: String,
    pub detail: bool,
    pub recommend: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct ResourceSettings {
    pub source: ResourceSource,
    /// How long attributes read from upstream may be reused. Zero: for one decision only.
    pub cache: Duration,
    /// The number of resources whose attributes are cached.
    pub cache_entries: NonZeroUsize,
}

/// Where tags and resource groups come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceSource {
    /// `resources.toml` of each policy directory.
    File,
    /// ECS, asked with the gateway's own key.
    Upstream,
}

impl Settings {
    /// The settings without a configuration file: the demo account in front of the embedded ECS.
    pub fn demo() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8620)),
            admin: None,
            hosts: Vec::new(),
            replica: None,
            policies: vec!["policies".into()],
            keyring: "keyring.toml".into(),
            upstream: UpstreamSettings {
                endpoint: Endpoint::Simulator,
                regions: vec!["cn-hangzhou".parse().expect("a region id")],
                region_aliases: RegionAliases::default(),
                signing: Signing::Resign,
                timeout: Duration::from_secs(20),
                ca_file: None,
            },
            products: Vec::new(),
            identity: IdentitySettings::default(),
            tokens: Vec::new(),
            issuer: None,
            denial: DenialSettings { code: "Forbidden.SubUser".into(), detail: true, recommend: None },
            operations: OperationSettings::default(),
            audit: AuditSettings::demo(),
            resources: ResourceSettings {
                source: ResourceSource::File,
                cache: Duration::from_secs(30),
                cache_entries: NonZeroUsize::new(16_384).expect("not zero"),
            },
            limits: Limits::default(),
            listener: ListenerSettings::default(),
        }
    }

    /// Reads a configuration file. Relative paths in it start from `folder`, the file's own folder.
    ///
    /// # Errors
    /// Every diagnostic about the file.
    pub fn read(source: &Source, folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let raw: RawSettings =
            toml::from_str(source.text()).map_err(|error| vec![mistake::diagnostic(source, &error)])?;
        let mut diagnostics = unsupported::diagnostics(source, &raw);
        let mut reader = Reader { source, folder, diagnostics: &mut diagnostics };
        let settings = reader.settings(raw);
        if diagnostics.is_empty() { Ok(settings) } else { Err(diagnostics) }
    }
}

impl Reader<'_> {
    fn settings(&mut self, mut raw: RawSettings) -> Settings {
        let signing = self.signing(&raw);
        let refused_lines = raw.audit.unauthenticated_per_peer.take();
        let issuer = self.issuer(raw.identity.issuer.take());
        let jwt = std::mem::take(&mut raw.identity.jwt);
        let tokens = self.tokens(jwt, issuer.is_some());
        let defaults = Settings::demo();
        if let Some(schema) = raw.schema.filter(|schema| *schema.get_ref() != 1) {
            self.report(schema.span(), "the schema is unknown", "this program reads `schema = 1`");
        }
        let policies = raw.policies.unwrap_or(defaults.policies);
        let upstream = match raw.upstream {
            Some(upstream) => self.upstream(upstream, signing, defaults.upstream),
            None => {
                let title = "the section `[upstream]` is missing";
                self.diagnostics.push(
                    self.source.error_without_place(title, "add it, with `url = \"simulator\"` for the embedded ECS"),
                );
                defaults.upstream
            }
        };
        let hosts: Vec<String> = raw.hosts.into_iter().map(|host| self.host(&host)).collect();
        Settings {
            listen: raw.listen.unwrap_or(defaults.listen),
            admin: raw.admin.map(AdminSettings::from),
            products: self.products(raw.product, &hosts),
            hosts,
            replica: Some(raw.replica).filter(|replica| !replica.is_empty()),
            policies: policies.into_iter().map(|path| self.folder.join(path)).collect(),
            keyring: self.folder.join(raw.keyring.unwrap_or(defaults.keyring)),
            upstream,
            identity: self.identity(raw.identity, &defaults.identity),
            tokens,
            issuer,
            denial: DenialSettings {
                code: self.denial_code(raw.denial.code, defaults.denial.code),
                detail: raw.denial.detail.unwrap_or(defaults.denial.detail),
                recommend: raw.denial.recommend.and_then(|link| self.link(&link)),
            },
            operations: OperationSettings::read(raw.operations, self.source, self.diagnostics),
            audit: self.audit(raw.audit, defaults.audit),
            resources: self.resources(raw.resources, defaults.resources),
            listener: self.listener(raw.tls, &raw.limits),
            limits: self.limits(raw.limits, refused_lines, defaults.limits),
        }
    }

    fn upstream(
        &mut self,
        raw: Spanned<RawUpstream>,
        signing: Signing,
        defaults: UpstreamSettings,
    ) -> UpstreamSettings {
        let section = raw.span();
        let raw = raw.into_inner();
        let RawUpstream { url, regions, region_aliases, key, access_key_id, .. } = raw;
        let RawUpstream { secret_env, secret_file, secret_command, instance_role, metadata_url, .. } = raw;
        let secret = RawKey { secret_env, secret_file, secret_command, ..RawKey::default() };
        let own = RawKey { access_key_id, instance_role, metadata_url, ..secret };
        let mut served = Vec::new();
        for region in &regions {
            match region.get_ref().parse::<Region>() {
                Ok(region) => served.push(region),
                Err(error) => self.report(region.span(), &error.to_string(), "list the ids of the regions to serve"),
            }
        }
        let simulator = url.as_ref().is_some_and(|url| url.get_ref() == "simulator");
        let endpoint = if simulator {
            self.refuse_keys(&own, &key);
            Endpoint::Simulator
        } else {
            let url = url.map_or_else(|| "https://ecs.{region}.aliyuncs.com".to_owned(), |url| self.url(&url));
            let keys = self.own_keys(own, key, &section, signing);
            Endpoint::Server { url, keys }
        };
        if served.is_empty() && regions.is_empty() {
            if simulator {
                served = defaults.regions;
            } else {
                self.report(section, "no region is served", "add `regions = [\"cn-hangzhou\"]`");
            }
        }
        UpstreamSettings {
            endpoint,
            region_aliases: self.region_aliases(region_aliases, &served),
            regions: served,
            signing,
            timeout: raw.timeout.map_or(defaults.timeout, |timeout| timeout.0),
            ca_file: raw.ca_file.map(|path| self.folder.join(path)),
        }
    }

    fn resources(&mut self, raw: RawResources, defaults: ResourceSettings) -> ResourceSettings {
        let source = raw.source.map_or(defaults.source, |source| match source.get_ref().as_str() {
            "file" => ResourceSource::File,
            "upstream" => ResourceSource::Upstream,
            other => {
                let title = format!("unknown value `{other}` for `source`");
                self.report(source.span(), &title, &possible(other, &["file", "upstream"]));
                defaults.source
            }
        });
        let entries = self.at_least_one(raw.cache_entries, defaults.cache_entries.get());
        ResourceSettings {
            source,
            cache: raw.cache.map_or(defaults.cache, |cache| cache.0),
            cache_entries: NonZeroUsize::new(entries).unwrap_or(defaults.cache_entries),
        }
    }
}
