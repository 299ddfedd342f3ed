//! `ramgate ecs`: runs the embedded ECS without a gateway.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::gateway::ReservedPort;
use crate::identity::WithoutSecret;
use crate::simulator::{self, Simulator, SimulatorSettings, World};
use crate::store::{DEMO_KEYRING, FileModes, read_keyring, read_keyring_text, read_source};
use ram_policy::{AccountId, Principal, PrincipalName, Source};

use super::exit::{Exit, Failure};
use super::hangup::Hangups;
use super::runtime::{runtime, start_log, stop_on_signal};

/// Runs the embedded ECS without a gateway: a small world that answers signed calls
#[derive(Debug, Args)]
#[command(after_help = "\
Example: ramgate ecs --listen 127.0.0.1:8622")]
pub(super) struct Ecs {
    /// The address to listen on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8622")]
    listen: SocketAddr,
    /// The world at the start; default: the demo's
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// The keys whose signatures it accepts; default: the demo's
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
}

impl Ecs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        start_log("info");
        if !self.listen.ip().is_loopback() {
            let what = format!("`{}` is not loopback: the embedded ECS serves only this machine", self.listen);
            return Err(Failure::new(what, "listen on 127.0.0.1"));
        }
        let world = match &self.world {
            None => World::demo(),
            Some(path) => World::read(&read_source(path).map_err(|diagnostic| vec![diagnostic])?)?,
        };
        let account = world.account().clone();
        let of_world = |name: PrincipalName| of_account(name, &account);
        let keys = match &self.keyring {
            None => {
                let source = Source::new("(demo) keyring.toml", DEMO_KEYRING);
                read_keyring_text(&source, Path::new(""), WithoutSecret::Refused, of_world, FileModes::Checked)?
            }
            Some(path) => read_keyring(path, WithoutSecret::Refused, of_world, FileModes::Checked)?,
        };
        let ids: Vec<_> = keys.iter().map(|key| key.id().to_string()).collect();
        let simulator = Arc::new(Simulator::new(world, keys, SimulatorSettings::default()));
        runtime(None)?.block_on(async {
            let cannot = |error| {
                Failure::new(
                    format!("cannot listen on `{}`: {error}", self.listen),
                    "stop the program that uses the address, or choose another with `--listen`",
                )
            };
            let listener = ReservedPort::bind(self.listen).and_then(ReservedPort::open).map_err(cannot)?;
            let address = listener.local_addr().unwrap_or(self.listen);
            say!("the embedded ECS answers on http://{address} for account {account}");
            say!("keys: {}", ids.join(", "));
            say!("Ctrl-C stops.");
            tokio::spawn(report_hangups());
            simulator::run(listener, simulator, stop_on_signal()).await;
            Ok(Exit::Yes)
        })
    }
}

async fn report_hangups() {
    let mut hangups = Hangups::new();
    loop {
        hangups.next().await;
        tell!("ramgate: SIGHUP: the embedded ECS does not reload files; restart it for another world or key ring");
    }
}

fn of_account(name: PrincipalName, account: &AccountId) -> Result<Principal, String> {
    let principal = name.in_account(Some(account)).ok_or_else(|| "the principal has no account".to_owned())?;
    if principal.account() == account {
        Ok(principal)
    } else {
        Err(format!("`{principal}` does not belong to the world's account `{account}`"))
    }
}
