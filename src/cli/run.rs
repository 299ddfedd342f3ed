//! `ramgate run -- CMD…`: runs a gateway and an embedded ECS for as long as one command runs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use clap::Args;
use tokio::process::{Child, Command};

use crate::config::{Settings, environment};
use crate::identity::Secret;
use crate::pdp::Directory;
use crate::ram::Region;
use crate::serve::{CancellationToken, Exceptions, IssuedKey, Keys, Material, Plan, Reloads};
use crate::simulator::World;
use crate::store::{read_source, write_private};
use ram_policy::Principal;

use super::core_dump::NoCoreDumps;
use super::diagnostic;
use super::exit::{Exit, Failure};
use super::hangup::{self, Hangups};
use super::question::known_principal;
use super::runtime::{runtime, start_log};

/// Runs a command with a gateway and an embedded ECS of its own
#[derive(Debug, Args)]
#[command(after_help = "\
The command gets the gateway and a key in the variables that clients read: ALIBABA_CLOUD_ENDPOINT (the CLI),
ALIBABA_CLOUD_ENDPOINT_ECS and ECS_ENDPOINT (Terraform, Terway), ALIBABA_CLOUD_ACCESS_KEY_ID and …_SECRET,
ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, and the region in ALIBABA_CLOUD_REGION_ID and ALICLOUD_REGION. The gateway
speaks plain http: set `protocol=\"http\"` in the code that uses an SDK, and `protocol = \"HTTP\"` in Terraform. Scripts
can use RAMGATE_ENDPOINT (a URL), RAMGATE_KEY (the key's id) and RAMGATE_KEYRING (a file with a key for every principal,
for `ramgate call`). Real credentials are removed from the command's environment. The reason for each denial is logged.

Exit status: the command's own; 2 if it could not be run.

Example: ramgate run --policies policies --principal role/terway -- ./integration-test.sh")]
pub(super) struct Run {
    /// A policy directory; repeat the flag for more accounts; default: the demo account
    #[arg(long, value_name = "DIR")]
    policies: Vec<PathBuf>,
    /// The principal whose key the command gets; default: the only principal, or `role/terway` in the demo
    #[arg(long)]
    principal: Option<String>,
    /// The world of the embedded ECS at the start; default: the demo's
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// The region in the command's environment; default: the first region of the world
    #[arg(long)]
    region: Option<Region>,
    /// Keep the audit log in this file
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// The variables in which clients look for a credential. They are removed, so that the command cannot bypass the
/// gateway with a real credential.
const CREDENTIALS: [&str; 22] = [
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_BEARER_TOKEN",
    "ALIBABA_CLOUD_CONFIG_FILE",
    "ALIBABA_CLOUD_CREDENTIALS_FILE",
    "ALIBABA_CLOUD_CREDENTIALS_URI",
    "ALIBABA_CLOUD_ECS_METADATA",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
    "ALIBABA_CLOUD_PROFILE",
    "ALIBABA_CLOUD_ROLE_ARN",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
    "ALIBABACLOUD_ACCESS_KEY_ID",
    "ALIBABACLOUD_ACCESS_KEY_SECRET",
    "ALIBABACLOUD_SECURITY_TOKEN",
    "ALICLOUD_ACCESS_KEY",
    "ALICLOUD_ACCESS_KEY_ID",
    "ALICLOUD_ACCESS_KEY_SECRET",
    "ALICLOUD_PROFILE",
    "ALICLOUD_SECRET_KEY",
    "ALICLOUD_SECURITY_TOKEN",
    "SECURITY_TOKEN",
];

impl Run {
    pub(super) fn run(self, no_dumps: &NoCoreDumps) -> Result<Exit, Failure> {
        start_log("warn");
        let cannot = |error| Failure::new(format!("a temporary folder cannot be created: {error}"), "set TMPDIR");
        let folder = tempfile::Builder::new().prefix("ramgate-").tempdir().map_err(cannot)?;
        let world = self.world.as_deref().map_or_else(|| Ok(World::demo()), read_world)?;
        let region = self.region.clone().or_else(|| world.regions().first().cloned());
        let region =
            region.ok_or_else(|| Failure::new("the world has no resources in any region", "add `--region`"))?;
        let mut plan = self.plan(world, folder.path());
        let loaded = plan.load()?;
        let directory = &loaded.directory;
        refuse_other_account(directory, &plan.world)?;
        let caller = self.caller(directory)?;
        let keys = issue(directory);
        let keyring = folder.path().join("keyring.toml");
        write_private(&keyring, &keyring_text(&keys)).map_err(cannot)?;
        let key = keys.iter().find(|key| key.principal == caller).expect("every principal has a key");
        let variables = variables(key, &region, &keyring);
        plan.keys = Keys::Issued(keys);
        let prepared = plan.prepare_with(loaded)?;
        diagnostic::print(prepared.warnings());
        let ended = runtime(None)?.block_on(async {
            let cannot = |error| Failure::new(format!("signals cannot be received: {error}"), "free some memory");
            let bound = prepared.bind().await?;
            // Subscribed before the command starts, because the command may signal this process at once.
            let signals = Signals::new().map_err(cannot)?;
            let shutdown = CancellationToken::new();
            let gateway = bound.start(Reloads::never(), &shutdown).await?;
            let mut command = self.command(&variables, gateway.addresses().calls);
            let serving = tokio::spawn(gateway.run());
            let child = no_dumps.lifted_for(|| command.spawn()).map_err(|error| {
                let program = self.command[0].to_string_lossy();
                Failure::new(format!("`{program}` cannot be run: {error}"), "name a program after `--`")
            });
            let ended = match child {
                Ok(child) => Ok(until_it_ends(child, signals).await),
                Err(failure) => Err(failure),
            };
            shutdown.cancel();
            if let Err(error) = serving.await {
                tracing::error!(%error, "the gateway did not shut down cleanly");
            }
            ended
        })?;
        let ended = ended.map_err(|error| Failure::new(format!("the command was lost: {error}"), "run it again"))?;
        Ok(Exit::Of(status(ended)))
    }

    fn plan(&self, world: World, folder: &Path) -> Plan {
        let mut settings = Settings::demo();
        settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        settings.audit.path = self.audit.clone().unwrap_or_else(|| folder.join("audit.jsonl"));
        settings.upstream.regions = world.regions();
        let policies = if self.policies.is_empty() { Material::Demo } else { Material::Files };
        settings.policies.clone_from(&self.policies);
        Plan {
            settings,
            configuration: None,
            policies,
            keys: Keys::Issued(Vec::new()),
            world,
            exceptions: Exceptions::default(),
        }
    }

    fn caller(&self, directory: &Directory) -> Result<Principal, Failure> {
        const DEMO: &str = "role/terway";
        let only = || {
            let mut principals = directory.principals();
            principals.next().filter(|_| principals.next().is_none()).map(|(principal, _)| principal.clone())
        };
        match &self.principal {
            Some(name) => known_principal(name, directory),
            None if self.policies.is_empty() => known_principal(DEMO, directory),
            None => only().ok_or_else(|| {
                let known = directory.principals().map(|(principal, _)| format!("`{}`", principal.identity()));
                let known = known.take(8).collect::<Vec<_>>().join(", ");
                let what = "`--principal` is required: the directory has several principals, or none";
                Failure::new(what, format!("add `--principal` with one of {known}"))
            }),
        }
    }

    fn command(&self, variables: &BTreeMap<&str, OsString>, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).kill_on_drop(true);
        for name in CREDENTIALS {
            command.env_remove(name);
        }
        command.envs(variables);
        for name in ["ALIBABA_CLOUD_ENDPOINT", "ALIBABA_CLOUD_ENDPOINT_ECS", "ECS_ENDPOINT"] {
            command.env(name, address.to_string());
        }
        command.env("RAMGATE_ENDPOINT", format!("http://{address}"));
        for name in ["NO_PROXY", "no_proxy"] {
            let others = environment(name).filter(|others| !others.is_empty());
            command.env(name, others.map_or("127.0.0.1".to_owned(), |others| format!("{others},127.0.0.1")));
        }
        command
    }
}

fn read_world(path: &Path) -> Result<World, Failure> {
    Ok(World::read(&read_source(path).map_err(|diagnostic| vec![diagnostic])?)?)
}

/// Refuses a world whose account has no policy directory: the embedded ECS serves only its own account.
fn refuse_other_account(directory: &Directory, world: &World) -> Result<(), Failure> {
    if directory.has_account(world.account()) {
        return Ok(());
    }
    let what = format!("the world belongs to account `{}`, which has no policy directory", world.account());
    Err(Failure::new(
        what,
        "name a world of your account with `--world FILE`; docs/configuration.md describes the file",
    ))
}

fn issue(directory: &Directory) -> Vec<IssuedKey> {
    let id = |number: usize| format!("LTAI5tRun{number:011}").parse().expect("a well-formed id");
    let principals = directory.principals().map(|(principal, _)| principal.clone()).enumerate();
    principals.map(|(at, principal)| IssuedKey { principal, id: id(at + 1), secret: Secret::random_text() }).collect()
}

/// The key ring file for `ramgate call --keyring`.
fn keyring_text(keys: &[IssuedKey]) -> String {
    let entry = |IssuedKey { principal, id, secret }: &IssuedKey| {
        format!("[[access_key]]\nid = \"{id}\"\nsecret = \"{secret}\"\nprincipal = \"{principal}\"\n\n")
    };
    keys.iter().map(entry).collect()
}

/// The command's variables that do not depend on the gateway's address.
fn variables(key: &IssuedKey, region: &Region, keyring: &Path) -> BTreeMap<&'static str, OsString> {
    let (id, region) = (key.id.to_string(), region.to_string());
    let texts = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", id.as_str()),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", &key.secret),
        ("ALICLOUD_ACCESS_KEY", &id),
        ("ALICLOUD_SECRET_KEY", &key.secret),
        ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"),
        ("ALIBABA_CLOUD_REGION_ID", &region),
        ("ALIBABA_CLOUD_REGION", &region),
        ("ALICLOUD_REGION", &region),
        ("ALICLOUD_ENDPOINT_TYPE", "public"),
        ("ALICLOUD_CLIENT_SCHEME", "HTTP"),
        ("RAMGATE_KEY", &id),
    ];
    let texts = texts.into_iter().map(|(name, value)| (name, OsString::from(value)));
    texts.chain([("RAMGATE_KEYRING", keyring.as_os_str().to_owned())]).collect()
}

/// The signals that this process receives while the command runs.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None` if hangups are ignored; the command ignores them too then.
    #[cfg(unix)]
    hangups: Option<Hangups>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangups: (!hangup::is_ignored()).then(Hangups::new),
        })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }
}

/// Waits for the command to end. The terminal sends Ctrl-C to the command too, so the command decides whether to stop.
/// SIGTERM and SIGHUP may reach only this process, so they are forwarded.
#[cfg(unix)]
async fn until_it_ends(mut child: Child, mut signals: Signals) -> std::io::Result<ExitStatus> {
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            _ = signals.interrupt.recv() => {}
            _ = signals.terminate.recv() => send(&child, rustix::process::Signal::TERM),
            () = hangup_of(&mut signals.hangups) => send(&child, rustix::process::Signal::HUP),
        }
    }
}

#[cfg(not(unix))]
async fn until_it_ends(mut child: Child, _: Signals) -> std::io::Result<ExitStatus> {
    child.wait().await
}

#[cfg(unix)]
async fn hangup_of(hangups: &mut Option<Hangups>) {
    match hangups {
        Some(hangups) => hangups.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(unix)]
fn send(child: &Child, signal: rustix::process::Signal) {
    use rustix::process::{Pid, kill_process};
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // This fails if the command has just ended, which is fine.
        let _ = kill_process(pid, signal);
    }
}

/// The exit status of the command as a shell reports it: 128 plus the signal number if a signal ended it.
fn status(ended: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
