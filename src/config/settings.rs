//! The configuration as the gateway needs it: defaults filled in, values checked, contradictions refused.

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
    /// Where health and metrics are told.
    pub admin: Option<AdminSettings>,
    /// Names callers may use; empty: any well-formed one. In pass-through: which may go on where they are signed.
    pub hosts: Vec<String>,
    /// Shown in `HostId`, logs and audit lines; without it, the host's name.
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
    /// The whole wait for an answer.
    pub timeout: Duration,
    /// Replaces the system's roots.
    pub ca_file: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A server, and the gateway's own keys there. `{region}` in the URL stands for the call's region.
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
    /// How long facts that were read upstream may be used; zero: for one judgement.
    pub cache: Duration,
    /// Of how many resources they are kept.
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
    /// What holds without a configuration file: the demo account in front of the embedded ECS.
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

    /// Reads a configuration file. Paths in it are relative to `folder`, where it lies.
    ///
    /// # Errors
    /// Every diagnostic about the file.
    pub fn read(source: &Source, folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let written: RawSettings =
            toml::from_str(source.text()).map_err(|error| vec![mistake::diagnostic(source, &error)])?;
        let mut diagnostics = unsupported::diagnostics(source, &written);
        let mut reader = Reader { source, folder, diagnostics: &mut diagnostics };
        let settings = reader.settings(written);
        if diagnostics.is_empty() { Ok(settings) } else { Err(diagnostics) }
    }
}

impl Reader<'_> {
    fn settings(&mut self, mut written: RawSettings) -> Settings {
        let signing = self.signing(&written);
        let refused_lines = written.audit.unauthenticated_per_peer.take();
        let issuer = self.issuer(written.identity.issuer.take());
        let jwt = std::mem::take(&mut written.identity.jwt);
        let tokens = self.tokens(jwt, issuer.is_some());
        let defaults = Settings::demo();
        if let Some(schema) = written.schema.filter(|schema| *schema.get_ref() != 1) {
            self.complain(schema.span(), "the schema is unknown", "this program reads `schema = 1`");
        }
        let policies = written.policies.unwrap_or(defaults.policies);
        let upstream = match written.upstream {
            Some(upstream) => self.upstream(upstream, signing, defaults.upstream),
            None => {
                let title = "the section `[upstream]` is missing";
                self.diagnostics.push(
                    self.source.error_without_place(title, "add it, with `url = \"simulator\"` for the embedded ECS"),
                );
                defaults.upstream
            }
        };
        let hosts: Vec<String> = written.hosts.into_iter().map(|host| self.host(&host)).collect();
        Settings {
            listen: written.listen.unwrap_or(defaults.listen),
            admin: written.admin.map(AdminSettings::from),
            products: self.products(written.product, &hosts),
            hosts,
            replica: Some(written.replica).filter(|replica| !replica.is_empty()),
            policies: policies.into_iter().map(|path| self.folder.join(path)).collect(),
            keyring: self.folder.join(written.keyring.unwrap_or(defaults.keyring)),
            upstream,
            identity: self.identity(written.identity, &defaults.identity),
            tokens,
            issuer,
            denial: DenialSettings {
                code: self.denial_code(written.denial.code, defaults.denial.code),
                detail: written.denial.detail.unwrap_or(defaults.denial.detail),
                recommend: written.denial.recommend.and_then(|link| self.link(&link)),
            },
            operations: OperationSettings::read(written.operations, self.source, self.diagnostics),
            audit: self.audit(written.audit, defaults.audit),
            resources: self.resources(written.resources, defaults.resources),
            listener: self.listener(written.tls, &written.limits),
            limits: self.limits(written.limits, refused_lines, defaults.limits),
        }
    }

    fn upstream(
        &mut self,
        written: Spanned<RawUpstream>,
        signing: Signing,
        defaults: UpstreamSettings,
    ) -> UpstreamSettings {
        let section = written.span();
        let written = written.into_inner();
        let RawUpstream { url, regions, region_aliases, key, access_key_id, .. } = written;
        let RawUpstream { secret_env, secret_file, secret_command, instance_role, metadata_url, .. } = written;
        let secret = RawKey { secret_env, secret_file, secret_command, ..RawKey::default() };
        let own = RawKey { access_key_id, instance_role, metadata_url, ..secret };
        let mut served = Vec::new();
        for region in &regions {
            match region.get_ref().parse::<Region>() {
                Ok(region) => served.push(region),
                Err(error) => self.complain(region.span(), &error.to_string(), "name the regions that are served"),
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
                self.complain(section, "no region is served", "add `regions = [\"cn-hangzhou\"]`");
            }
        }
        UpstreamSettings {
            endpoint,
            region_aliases: self.region_aliases(region_aliases, &served),
            regions: served,
            signing,
            timeout: written.timeout.map_or(defaults.timeout, |timeout| timeout.0),
            ca_file: written.ca_file.map(|path| self.folder.join(path)),
        }
    }

    fn resources(&mut self, written: RawResources, defaults: ResourceSettings) -> ResourceSettings {
        let source = written.source.map_or(defaults.source, |source| match source.get_ref().as_str() {
            "file" => ResourceSource::File,
            "upstream" => ResourceSource::Upstream,
            other => {
                let title = format!("`{other}` is no source of facts about resources");
                self.complain(source.span(), &title, &possible(other, &["file", "upstream"]));
                defaults.source
            }
        });
        let entries = self.at_least_one(written.cache_entries, defaults.cache_entries.get());
        ResourceSettings {
            source,
            cache: written.cache.map_or(defaults.cache, |cache| cache.0),
            cache_entries: NonZeroUsize::new(entries).unwrap_or(defaults.cache_entries),
        }
    }
}
