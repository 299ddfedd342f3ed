//! The plan of a gateway, and everything that is read and checked before a socket is opened.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::{Endpoint, OwnKeys, ResourceSource, Settings, Signing, environment};
use crate::gateway::{ServerTls, UpstreamKeys, now};
use crate::identity::{Credential, KeyRing, KeyStatus, Secret, WithoutSecret};
use crate::pdp::Directory;
use crate::ram::AccessKeyId;
use crate::simulator::World;
use crate::store::{
    AttributeSource, DEMO_KEYRING, FileModes, LoadedFiles, LoadedPolicies, demo_policies, load_directories,
    read_bounded, read_keyring, read_keyring_text,
};
use ram_policy::{Diagnostic, Principal, Source};

use super::audit_log::LogParts;
use super::certificate::TlsReload;
use super::changed_files;
use super::error::StartError;
use super::exposure::{Exception, Exceptions};
use super::issuer::ReadyIssuer;
use super::nonces::KeyLife;
use super::own_keys::{read_own_keys, simulator_key};
use super::system_limits::{fit_connections, warn_of_short_queue};
use super::token_issuers::{Issuer, look_up};
use super::trust::client_trust;
use super::warnings::unsupplied;

/// The source of policies and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    /// The demo account's, compiled in. Its keys are public.
    Demo,
    /// The files that the settings name.
    Files,
}

/// The source of callers' keys.
#[derive(Debug)]
pub enum Keys {
    /// A key ring.
    Material(Material),
    /// One key for each principal, made for this run. The keys end with the process, so no nonces are kept on disk.
    Issued(Vec<IssuedKey>),
}

/// A caller's key for a single run.
pub struct IssuedKey {
    /// The principal that signs with the key.
    pub principal: Principal,
    /// Its access key id.
    pub id: AccessKeyId,
    /// Its secret. `Debug` does not show it.
    pub secret: String,
}

/// The settings and sources of a gateway. Nothing is read yet.
#[derive(Debug)]
pub struct Plan {
    /// How the gateway behaves.
    pub settings: Settings,
    /// The file that the settings were read from, if there is one: a running gateway warns when it changes.
    pub configuration: Option<PathBuf>,
    /// The source of policies.
    pub policies: Material,
    /// The source of callers' keys.
    pub keys: Keys,
    /// The initial world of the embedded ECS. Ignored if the upstream is a server.
    pub world: World,
    /// The insecure behaviours that the operator allows.
    pub exceptions: Exceptions,
}

/// A plan whose files are read and checked. No socket is open, and no log is begun.
pub struct Prepared {
    pub(super) settings: Settings,
    pub(super) loaded: LoadedPolicies,
    pub(super) keys: KeyRing,
    pub(super) upstream_keys: UpstreamKeys,
    pub(super) tls: rustls::ClientConfig,
    pub(super) listener_tls: Option<(TlsReload, ServerTls)>,
    pub(super) replica: String,
    pub(super) world: World,
    pub(super) issuers: Vec<Issuer>,
    pub(super) issuing: Option<ReadyIssuer>,
    pub(super) log: LogParts,
    pub(super) key_life: KeyLife,
    pub(super) modes: FileModes,
    /// The files to watch for changes. `None` for a gateway that runs only as long as one command.
    pub(super) watched: Option<LoadedFiles>,
}

impl Plan {
    /// The demo account in front of the embedded ECS, on 127.0.0.1:8620.
    pub fn demo() -> Self {
        Self::new(Settings::demo(), Material::Demo)
    }

    /// A gateway as a configuration describes it. Relative paths in it start from `folder`.
    ///
    /// # Errors
    /// Every mistake in the configuration, each with its place.
    pub fn from_source(source: &Source, folder: &Path) -> Result<Self, StartError> {
        Ok(Self::new(Settings::read(source, folder)?, Material::Files))
    }

    /// A gateway as the text of a configuration describes it. Diagnostics show `name` as the file's name.
    ///
    /// # Errors
    /// Every mistake in the configuration, each with its place.
    pub fn from_text(name: &str, text: &str, folder: &Path) -> Result<Self, StartError> {
        Self::from_source(&Source::new(name, text), folder)
    }

    /// A gateway with these settings, whose policies and key ring come from `material`.
    pub fn new(settings: Settings, material: Material) -> Self {
        Self {
            settings,
            configuration: None,
            policies: material,
            keys: Keys::Material(material),
            world: World::demo(),
            exceptions: Exceptions::default(),
        }
    }

    /// Raises this process's limit of file descriptors to the maximum, fits the number of connections into it, and
    /// warns of a short queue for connections. For a program whose main work is the gateway; without this, the limit in
    /// force must suffice.
    ///
    /// # Errors
    /// The configured `connections` do not fit, or the limit leaves room for too few.
    pub fn fit_connections(&mut self) -> Result<(), StartError> {
        fit_connections(&mut self.settings)?;
        warn_of_short_queue();
        Ok(())
    }

    /// Reads and checks everything that the gateway needs.
    ///
    /// # Errors
    /// The first thing that is missing, invalid, or insecure without an [`Exception`].
    pub fn prepare(self) -> Result<Prepared, StartError> {
        let policies = self.policies == Material::Files;
        let keyring = matches!(self.keys, Keys::Material(Material::Files));
        // Before the files are loaded, so that no change is missed.
        let watched = changed_files::remember(self.configuration.clone(), &self.settings, policies, keyring);
        self.refuse_insecure()?;
        let loaded = self.load()?;
        Ok(Prepared { watched: Some(watched), ..self.prepare_with(loaded)? })
    }

    /// Reads only the policies.
    ///
    /// # Errors
    /// A policy is not valid, or there is no policy and [`Exception::NoPolicy`] is not allowed.
    pub fn load(&self) -> Result<LoadedPolicies, StartError> {
        let attributes = match self.settings.resources.source {
            ResourceSource::File => AttributeSource::File,
            ResourceSource::Upstream => AttributeSource::Upstream,
        };
        let mut loaded = match self.policies {
            Material::Demo => LoadedPolicies::from_files(vec![demo_policies()], attributes, now())?,
            Material::Files => load_directories(&self.settings.policies, attributes, now())?,
        };
        if attributes == AttributeSource::Upstream {
            refuse_other_attributes(&loaded, &self.settings.upstream.endpoint)?;
        }
        loaded.warnings.extend(unsupplied(&loaded, &self.settings));
        if loaded.documents.is_empty() && !self.exceptions.allow(Exception::NoPolicy) {
            let help = "write a policy, or start with `--insecure-no-policy`, which refuses every caller";
            return Err(StartError::new("no policy is loaded", help));
        }
        Ok(loaded)
    }

    /// Reads and checks everything but the policies, for a program that loaded them first to choose `keys`. Files are
    /// not watched for changes then.
    ///
    /// # Errors
    /// The first thing that is missing or invalid.
    pub fn prepare_with(self, loaded: LoadedPolicies) -> Result<Prepared, StartError> {
        let modes = match self.exceptions.allow(Exception::KeyFileMode) {
            true => FileModes::Ignored,
            false => FileModes::Checked,
        };
        let keys = self.keys(&loaded.directory, modes)?;
        let tls = client_trust(self.settings.upstream.ca_file.as_deref(), "upstream.ca_file", "the upstream's")?;
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
        Ok(Prepared {
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
            watched: None,
        })
    }

    fn keys(&self, directory: &Directory, modes: FileModes) -> Result<KeyRing, StartError> {
        let known = |name| directory.named(name).map_err(|unknown| unknown.to_string());
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
            let what = "the demo's keys belong to principals that are not in the policy directory";
            StartError::new(what, "write a key ring and name it with `--keyring`")
        })
    }

    fn upstream_keys(
        &self,
        directory: &Directory,
        modes: FileModes,
        tls: &rustls::ClientConfig,
    ) -> Result<UpstreamKeys, StartError> {
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

impl fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedKey").field("principal", &self.principal).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Prepared {
    /// The settings of the gateway.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Warnings about policies that are valid but probably not as intended.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.loaded.warnings
    }

    /// The revision of the loaded policies: a digest of their files.
    pub fn policy_revision(&self) -> &str {
        self.loaded.directory.revision()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("replica", &self.replica).finish_non_exhaustive()
    }
}

/// Refuses conflicts with attributes that are read from ECS: one key reads the attributes of one account only, and a
/// `resources.toml` would be ignored.
fn refuse_other_attributes(loaded: &LoadedPolicies, endpoint: &Endpoint) -> Result<(), StartError> {
    let one_key = !matches!(endpoint, Endpoint::Server { keys: OwnKeys::OfAccount(_), .. });
    if one_key && loaded.directory.only_account().is_none() {
        let what = "attributes of resources are read from ECS with one key, but there are several accounts";
        return Err(StartError::new(
            what,
            "write a `[[upstream.key]]` for each, or `resources.toml` and `source = \"file\"`",
        ));
    }
    if !loaded.inventory.is_empty() {
        let what = "attributes of resources are read from ECS, but a `resources.toml` exists";
        return Err(StartError::new(what, "remove the file, or set `[resources] source = \"file\"`"));
    }
    Ok(())
}

/// The machine's host name, for audit lines and test reports.
pub(crate) fn host_name() -> String {
    let from_shell = environment("HOSTNAME").filter(|name| !name.is_empty());
    let from_kernel =
        || read_bounded(Path::new("/proc/sys/kernel/hostname"), 256).ok().and_then(|name| String::from_utf8(name).ok());
    from_shell.or_else(from_kernel).map_or_else(|| "ramgate".to_owned(), |name| name.trim().to_owned())
}
