//! `ramgate serve`: the gateway.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::config::{Endpoint, OwnKey, OwnKeys, ProductSettings, ResourceSource, Settings, Signing};
use crate::gateway::{self, ChangedFiles, CredentialsUri};
use crate::identity::SecretPlace;
use crate::simulator::World;
use crate::source::Source;
use crate::store::read_source;

use super::accept_queue::warn_of_short_queue;
use super::audit_log;
use super::changed_files;
use super::descriptors::fit_connections;
use super::diagnostic;
use super::exit::{Exit, Failure};
use super::hangup::Reloads;
use super::insecure::Insecure;
use super::named_file::with_setting;
use super::nonces;
use super::ports::{Listeners, Ports};
use super::runtime::{runtime, start_log, stop_on_signal};
use super::startup::{Keys, Material, Plan, Started};

/// Runs the gateway; without a configuration, the demo account in front of the embedded ECS
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate serve
         ramgate serve --config ramgate.toml")]
pub(super) struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "RAMGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", env = "RAMGATE_LISTEN")]
    listen: Option<SocketAddr>,
    /// A policy directory; repeat it for more accounts
    #[arg(long, value_name = "DIR", env = "RAMGATE_POLICIES")]
    policies: Vec<PathBuf>,
    /// The key ring
    #[arg(long, value_name = "FILE", env = "RAMGATE_KEYRING")]
    keyring: Option<PathBuf>,
    /// `https://HOST[:PORT]`, or `simulator` for the embedded ECS; with a URL and no configuration, the gateway's own
    /// key is RAMGATE_UPSTREAM_ACCESS_KEY_ID and RAMGATE_UPSTREAM_SECRET
    #[arg(long, value_name = "URL", env = "RAMGATE_UPSTREAM")]
    upstream: Option<String>,
    /// The audit log
    #[arg(long, value_name = "FILE", env = "RAMGATE_AUDIT")]
    audit: Option<PathBuf>,
    /// Gives up an audit log that is missing, short, or not what its checkpoints say, and begins a new chain with this
    /// reason. What is left of the old one is kept as `audit.lost-<time>.jsonl`; use it once
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    accept_lost_log: Option<String>,
    /// Worker threads; without it, as many as there are processors to use
    #[arg(long, value_name = "N", env = "RAMGATE_WORKERS")]
    workers: Option<NonZeroUsize>,
    #[command(flatten)]
    insecure: Insecure,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        start_log("info");
        let Some(path) = self.config.clone() else { return self.serve(None) };
        // Read once: it may be a pipe.
        let source = read_source(&path).map_err(|complaint| Failure::Complaints(vec![complaint]))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        self.serve(Some((&source, folder))).map_err(|failure| with_setting(failure, &source, folder))
    }

    fn serve(self, written: Option<(&Source, &Path)>) -> Result<Exit, Failure> {
        let workers = self.workers;
        let configuration = self.config.clone();
        let configured = configuration.is_some();
        let mut plan = self.plan(written)?;
        fit_connections(&mut plan.settings)?;
        warn_of_short_queue();
        let demo = matches!(plan.keys, Keys::Material(Material::Demo));
        let policies = plan.policies == Material::Files;
        let keyring = matches!(plan.keys, Keys::Material(Material::Files));
        // Before they are loaded, so that no change is missed.
        let files = changed_files::remember(configuration, &plan.settings, policies, keyring);
        let ready = plan.prepare()?;
        diagnostic::print(&ready.loaded.warnings);
        runtime(workers)?.block_on(async {
            ready.read_role_keys().await?;
            let ports = Ports::reserve(&ready.settings)?;
            let (address, told) = (ports.calls(), ports.admin());
            let space = audit_log::space(&ready.settings.audit);
            let upstream = ready.settings.upstream.endpoint.clone();
            let products = ready.settings.products.clone();
            let (tls, audit) = (ready.settings.listener.tls.is_some(), ready.settings.audit.path.clone());
            let stdout_taken = ready.settings.audit.stdout.is_some();
            let greeting =
                Greeting { configured, demo, address, admin: told, tls, upstream, products, audit, stdout_taken };
            let revision = ready.loaded.directory.revision().to_owned();
            let (shutdown, servers) = (stop_on_signal(), TaskTracker::new());
            let reloads = Reloads::on_hangup(&servers, &shutdown);
            let Started { gateway, credentials: served, log, nonces } =
                ready.gateway(&reloads, &servers, &shutdown).await?;
            let Listeners { calls, admin, credentials } = match ports.open() {
                Ok(listeners) => listeners,
                Err(failure) => {
                    shutdown.cancel();
                    servers.close();
                    servers.wait().await;
                    nonces::end(log, nonces).await;
                    return Err(failure);
                }
            };
            greeting.print(&revision);
            let gateway = Arc::new(gateway);
            if let Some(listener) = credentials {
                greeting.say_where(&listener, &served.uris);
                servers.spawn(gateway::serve_credentials(listener, served, Arc::clone(&gateway), shutdown.clone()));
            }
            servers.spawn(Arc::clone(&space).watch(shutdown.clone()));
            let changed = Arc::new(ChangedFiles::default());
            servers.spawn(changed_files::watch(files, Arc::clone(&changed), reloads, shutdown.clone()));
            if let Some(listener) = admin {
                let gateway = Arc::clone(&gateway);
                servers.spawn(gateway::serve_admin(listener, gateway, space, Arc::clone(&changed), shutdown.clone()));
            }
            gateway::run(calls, gateway, shutdown).await;
            servers.close();
            servers.wait().await;
            nonces::end(log, nonces).await;
            Ok(Exit::Yes)
        })
    }

    /// Flags go before the file, and the file before the defaults.
    fn plan(self, written: Option<(&Source, &Path)>) -> Result<Plan, Failure> {
        let (mut settings, material) = match written {
            None => (Settings::demo(), Material::Demo),
            Some((source, folder)) => (Settings::read(source, folder)?, Material::Files),
        };
        let mut plan_policies = material;
        let mut plan_keys = material;
        if let Some(listen) = self.listen {
            settings.listen = listen;
        }
        if !self.policies.is_empty() {
            settings.policies = self.policies;
            plan_policies = Material::Files;
        }
        if let Some(keyring) = self.keyring {
            settings.keyring = keyring;
            plan_keys = Material::Files;
        }
        if let Some(audit) = self.audit {
            settings.audit.path = audit;
        }
        settings.audit.accept_lost = self.accept_lost_log;
        if let Some(upstream) = self.upstream {
            // Nothing is signed with a key of its own, and nothing is asked with it.
            let keyless =
                settings.upstream.signing == Signing::PassThrough && settings.resources.source == ResourceSource::File;
            let configured = match settings.upstream.endpoint {
                Endpoint::Simulator if keyless => Some(OwnKeys::None),
                Endpoint::Simulator => None,
                Endpoint::Server { keys, .. } => Some(keys),
            };
            settings.upstream.endpoint = endpoint(&upstream, configured)?;
        }
        let keys = Keys::Material(plan_keys);
        Ok(Plan { settings, policies: plan_policies, keys, world: World::demo(), insecure: self.insecure })
    }
}

/// The upstream of a flag, with the key of the file or of the environment.
fn endpoint(upstream: &str, configured: Option<OwnKeys>) -> Result<Endpoint, Failure> {
    if upstream == "simulator" {
        return Ok(Endpoint::Simulator);
    }
    let valid = upstream.starts_with("https://") || upstream.starts_with("http://");
    if !valid || upstream.parse::<hyper::Uri>().is_err() && !upstream.contains("{region}") {
        return Err(Failure::new(
            format!("`{upstream}` is no URL of an endpoint"),
            "write `https://HOST[:PORT]`, or `simulator`",
        ));
    }
    let url = upstream.trim_end_matches('/').to_owned();
    if let Some(keys) = configured {
        return Ok(Endpoint::Server { url, keys });
    }
    let id = crate::config::environment("RAMGATE_UPSTREAM_ACCESS_KEY_ID").unwrap_or_default();
    let access_key_id = id.parse().map_err(|_| {
        let what = "the gateway has no key of its own for this upstream";
        Failure::new(what, "set RAMGATE_UPSTREAM_ACCESS_KEY_ID and RAMGATE_UPSTREAM_SECRET, or write a configuration")
    })?;
    let secret = SecretPlace::Environment("RAMGATE_UPSTREAM_SECRET".to_owned());
    Ok(Endpoint::Server { url, keys: OwnKeys::One(OwnKey::Fixed { access_key_id, secret }) })
}

/// What a person is told once the gateway answers.
struct Greeting {
    configured: bool,
    demo: bool,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    tls: bool,
    upstream: Endpoint,
    products: Vec<ProductSettings>,
    audit: PathBuf,
    /// By the audit log, whose lines nothing may stand between.
    stdout_taken: bool,
}

impl Greeting {
    fn line(&self, line: std::fmt::Arguments<'_>) {
        if self.stdout_taken { tell!("{line}") } else { say!("{line}") }
    }

    /// Where `ALIBABA_CLOUD_CREDENTIALS_URI` may point.
    fn say_where(&self, listener: &TcpListener, uris: &[CredentialsUri]) {
        let Ok(address) = listener.local_addr() else { return };
        let scheme = if self.tls { "https" } else { "http" };
        for uri in uris {
            self.line(format_args!("credentials of {} at {scheme}://{address}{}", uri.role.identity(), uri.path));
        }
    }

    fn print(&self, revision: &str) {
        if !self.configured {
            self.line(format_args!(
                "ramgate: no configuration, so this is the demo: everybody has its keys, and nothing reaches a cloud by itself"
            ));
        }
        let upstream = match &self.upstream {
            Endpoint::Simulator => "the embedded ECS",
            Endpoint::Server { url, .. } => url,
        };
        let scheme = if self.tls { "https" } else { "http" };
        self.line(format_args!("listening on {scheme}://{} in front of {upstream}", self.address));
        for ProductSettings { name, hosts, url, .. } in &self.products {
            self.line(format_args!("`{name}` at {}, in front of {url}", hosts.join(", ")));
        }
        if let Some(admin) = self.admin {
            self.line(format_args!("health and metrics at http://{admin}"));
        }
        self.line(format_args!("policies {revision}"));
        self.line(format_args!("attempts are written to {}", self.audit.display()));
        if !self.demo {
            return;
        }
        let program = program();
        let call = |key: &str, instance: &str| {
            self.line(format_args!(
                "  {program} call --endpoint http://{} --key {key} --region cn-hangzhou --eni eni-bp1demopod0000000001 --instance {instance}",
                self.address
            ));
        };
        self.line(format_args!("\nIn another terminal, a call that is allowed and attaches the ENI:"));
        call("LTAI5tDemoTerway0000", "i-bp1demoworker00000001");
        self.line(format_args!("and one that is answered 403 Forbidden.SubUser, with the reason in the log here:"));
        call("LTAI5tDemoAlice00000", "i-bp1demoprod000000001");
        self.line(format_args!("\nCtrl-C stops."));
    }
}

/// How this program was called, in a form that can be pasted from the same folder into a shell.
fn program() -> String {
    let path = std::env::current_exe().ok();
    let folder = std::env::current_dir().ok();
    let relative = path.as_ref().zip(folder).and_then(|(path, folder)| path.strip_prefix(folder).ok());
    let shown = match relative {
        // A lone name would be looked for in the PATH.
        Some(name) if name.components().count() == 1 => Path::new(".").join(name),
        Some(below) => below.to_owned(),
        None => path.unwrap_or_else(|| "ramgate".into()),
    };
    quoted_for_a_shell(&shown.display().to_string())
}

fn quoted_for_a_shell(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'+' | b',');
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
