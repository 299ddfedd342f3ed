//! `ramgate serve`: runs the gateway.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{Endpoint, OwnKey, OwnKeys, ProductSettings, ResourceSource, Signing};
use crate::gateway::CredentialsUri;
use crate::identity::SecretPlace;
use crate::serve::{Addresses, Keys, Material, Plan, Prepared, StartError};
use crate::store::read_source;
use ram_policy::Source;

use super::diagnostic;
use super::exit::{Exit, Failure};
use super::hangup::reload_on_hangup;
use super::insecure::Insecure;
use super::runtime::{runtime, start_log, stop_on_signal};

/// Runs the gateway; without a configuration, a demo in front of the embedded ECS
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate serve
         ramgate serve --config ramgate.toml")]
pub(super) struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "RAMGATE_CONFIG")]
    config: Option<PathBuf>,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", env = "RAMGATE_LISTEN")]
    listen: Option<SocketAddr>,
    /// A policy directory; repeat the flag for more accounts
    #[arg(long, value_name = "DIR", env = "RAMGATE_POLICIES")]
    policies: Vec<PathBuf>,
    /// The key ring
    #[arg(long, value_name = "FILE", env = "RAMGATE_KEYRING")]
    keyring: Option<PathBuf>,
    /// `https://HOST[:PORT]`, or `simulator` for the embedded ECS; with a URL and no configuration, the gateway reads
    /// its own key from RAMGATE_UPSTREAM_ACCESS_KEY_ID and RAMGATE_UPSTREAM_SECRET
    #[arg(long, value_name = "URL", env = "RAMGATE_UPSTREAM")]
    upstream: Option<String>,
    /// The audit log
    #[arg(long, value_name = "FILE", env = "RAMGATE_AUDIT")]
    audit: Option<PathBuf>,
    /// Give up an audit log that is missing, too short, or contradicts its checkpoints, and begin a new chain that
    /// records this reason. The rest of the old log is kept as `audit.lost-<time>.jsonl`. Use this flag for one start
    /// only
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    accept_lost_log: Option<String>,
    /// Worker threads; default: one for each available processor
    #[arg(long, value_name = "N", env = "RAMGATE_WORKERS")]
    workers: Option<NonZeroUsize>,
    #[command(flatten)]
    insecure: Insecure,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        start_log("info");
        let Some(path) = self.config.clone() else { return Ok(self.serve(None)?) };
        // The file may be a pipe, so it is read only once.
        let source = read_source(&path).map_err(|diagnostic| Failure::Diagnostics(vec![diagnostic]))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(self.serve(Some((&source, folder))).map_err(|error| error.with_setting(&source, folder))?)
    }

    fn serve(self, configuration: Option<(&Source, &Path)>) -> Result<Exit, StartError> {
        let workers = self.workers;
        let mut plan = self.plan(configuration)?;
        plan.fit_connections()?;
        let (configured, demo) = (plan.configuration.is_some(), matches!(plan.keys, Keys::Material(Material::Demo)));
        let prepared = plan.prepare()?;
        diagnostic::print(prepared.warnings());
        let greeting = Greeting::new(&prepared, configured, demo);
        runtime(workers)?.block_on(async {
            let bound = prepared.bind().await?;
            let shutdown = stop_on_signal();
            let reloads = reload_on_hangup(&shutdown);
            let gateway = bound.start(reloads, &shutdown).await?;
            greeting.print(gateway.addresses());
            greeting.print_credentials(gateway.addresses(), gateway.credentials());
            gateway.run().await;
            Ok(Exit::Yes)
        })
    }

    /// Flags override the file, and the file overrides the defaults.
    fn plan(self, configuration: Option<(&Source, &Path)>) -> Result<Plan, StartError> {
        let mut plan = match configuration {
            None => Plan::demo(),
            Some((source, folder)) => Plan::from_source(source, folder)?,
        };
        plan.configuration = self.config;
        plan.exceptions = self.insecure.exceptions();
        let settings = &mut plan.settings;
        if let Some(listen) = self.listen {
            settings.listen = listen;
        }
        if !self.policies.is_empty() {
            settings.policies = self.policies;
            plan.policies = Material::Files;
        }
        if let Some(keyring) = self.keyring {
            settings.keyring = keyring;
            plan.keys = Keys::Material(Material::Files);
        }
        if let Some(audit) = self.audit {
            settings.audit.path = audit;
        }
        settings.audit.accept_lost = self.accept_lost_log;
        if let Some(upstream) = self.upstream {
            // The gateway neither signs calls nor queries ECS, so it needs no key of its own.
            let keyless =
                settings.upstream.signing == Signing::PassThrough && settings.resources.source == ResourceSource::File;
            let configured = match settings.upstream.endpoint.clone() {
                Endpoint::Simulator if keyless => Some(OwnKeys::None),
                Endpoint::Simulator => None,
                Endpoint::Server { keys, .. } => Some(keys),
            };
            settings.upstream.endpoint = endpoint(&upstream, configured)?;
        }
        Ok(plan)
    }
}

/// The upstream that a flag names, with the gateway's key from the configuration or from the environment.
fn endpoint(upstream: &str, configured: Option<OwnKeys>) -> Result<Endpoint, StartError> {
    if upstream == "simulator" {
        return Ok(Endpoint::Simulator);
    }
    let valid = upstream.starts_with("https://") || upstream.starts_with("http://");
    if !valid || upstream.parse::<hyper::Uri>().is_err() && !upstream.contains("{region}") {
        return Err(StartError::new(
            format!("`{upstream}` is not a valid endpoint URL"),
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
        StartError::new(
            what,
            "set RAMGATE_UPSTREAM_ACCESS_KEY_ID and RAMGATE_UPSTREAM_SECRET, or write a configuration",
        )
    })?;
    let secret = SecretPlace::Environment("RAMGATE_UPSTREAM_SECRET".to_owned());
    Ok(Endpoint::Server { url, keys: OwnKeys::One(OwnKey::Fixed { access_key_id, secret }) })
}

/// The text that is printed once the gateway listens.
struct Greeting {
    configured: bool,
    demo: bool,
    tls: bool,
    upstream: Endpoint,
    products: Vec<ProductSettings>,
    revision: String,
    audit: PathBuf,
    /// Whether the audit log is written to standard output. No other text may come between its lines.
    stdout_taken: bool,
}

impl Greeting {
    fn new(prepared: &Prepared, configured: bool, demo: bool) -> Self {
        let settings = prepared.settings();
        Self {
            configured,
            demo,
            tls: settings.listener.tls.is_some(),
            upstream: settings.upstream.endpoint.clone(),
            products: settings.products.clone(),
            revision: prepared.policy_revision().to_owned(),
            audit: settings.audit.path.clone(),
            stdout_taken: settings.audit.stdout.is_some(),
        }
    }

    fn line(&self, line: std::fmt::Arguments<'_>) {
        if self.stdout_taken { tell!("{line}") } else { say!("{line}") }
    }

    /// Prints the values that clients may set `ALIBABA_CLOUD_CREDENTIALS_URI` to.
    fn print_credentials(&self, addresses: Addresses, uris: &[CredentialsUri]) {
        let Some(address) = addresses.credentials else { return };
        let scheme = if self.tls { "https" } else { "http" };
        for uri in uris {
            self.line(format_args!("credentials of {} at {scheme}://{address}{}", uri.role.identity(), uri.path));
        }
    }

    fn print(&self, addresses: Addresses) {
        if !self.configured {
            self.line(format_args!(
                "ramgate: no configuration, so this is the demo: its keys are public, and calls reach a cloud only with \
                 `--upstream`"
            ));
        }
        let upstream = match &self.upstream {
            Endpoint::Simulator => "the embedded ECS",
            Endpoint::Server { url, .. } => url,
        };
        let scheme = if self.tls { "https" } else { "http" };
        self.line(format_args!("listening on {scheme}://{} in front of {upstream}", addresses.calls));
        for ProductSettings { name, hosts, url, .. } in &self.products {
            self.line(format_args!("serving `{name}` at {}, in front of {url}", hosts.join(", ")));
        }
        if let Some(admin) = addresses.admin {
            self.line(format_args!("health and metrics at http://{admin}"));
        }
        self.line(format_args!("policies {}", self.revision));
        self.line(format_args!("attempts are written to {}", self.audit.display()));
        if !self.demo {
            return;
        }
        let program = program();
        let call = |key: &str, instance: &str| {
            self.line(format_args!(
                "  {program} call --endpoint http://{} --key {key} --region cn-hangzhou --eni eni-bp1demopod0000000001 --instance {instance}",
                addresses.calls
            ));
        };
        self.line(format_args!("\nIn another terminal, a call that is allowed and attaches the ENI:"));
        call("LTAI5tDemoTerway0000", "i-bp1demoworker00000001");
        self.line(format_args!("and one that is denied with 403 Forbidden.SubUser; the log here shows the reason:"));
        call("LTAI5tDemoAlice00000", "i-bp1demoprod000000001");
        self.line(format_args!("\nCtrl-C stops."));
    }
}

/// The path of this program, in a form that can be pasted into a shell in the same folder.
fn program() -> String {
    let path = std::env::current_exe().ok();
    let folder = std::env::current_dir().ok();
    let relative = path.as_ref().zip(folder).and_then(|(path, folder)| path.strip_prefix(folder).ok());
    let shown = match relative {
        // A shell would search the PATH for a name without a folder.
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
