//! The gateway's own keys upstream, with their secrets.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{OwnKey, OwnKeys};
use crate::gateway::{InstanceRole, UpstreamKey, UpstreamKeys, now};
use crate::identity::{Credential, KeyStatus, Secret, SecretPlace};
use crate::pdp::Directory;
use crate::ram::{AccessKeyId, AccountId, Identity, Principal};
use crate::store::{FileModes, read_secret};

use super::exit::Failure;

/// Reads the secrets. Every account's calls must be signed with that account's key: with another they would be done to
/// another account's resources than those that were judged. `tls` says whom to trust who gives the keys of a role.
pub(super) fn read_own_keys(
    keys: &OwnKeys,
    directory: &Directory,
    modes: FileModes,
    tls: &rustls::ClientConfig,
) -> Result<UpstreamKeys, Failure> {
    match keys {
        OwnKeys::None => Ok(UpstreamKeys::OfAccount(HashMap::new())),
        OwnKeys::One(key) => {
            let mut accounts = directory.accounts();
            let account = accounts.next().cloned();
            if accounts.next().is_some() {
                let what = "several accounts are served, and the gateway has one key of its own";
                return Err(Failure::new(what, "write a `[[upstream.key]]` for each account"));
            }
            Ok(UpstreamKeys::One(read(key, account, modes, tls)?))
        }
        OwnKeys::OfAccount(keys) => {
            let nobody = keys.iter().find(|(account, _)| !directory.has_account(account));
            if let Some((account, _)) = nobody {
                let what = format!("there is a `[[upstream.key]]` of account `{account}`, and no policy directory is");
                return Err(Failure::new(what, "correct its `account`, or name the directory in `policies`"));
            }
            let read = keys.iter().map(|(account, key)| {
                let key = read(key, Some(account.clone()), modes, tls)?;
                Ok((account.clone(), key))
            });
            Ok(UpstreamKeys::OfAccount(read.collect::<Result<_, Failure>>()?))
        }
    }
}

/// A key for the length of one run: the embedded ECS takes this one and no other.
pub(super) fn simulator_key(account: Option<AccountId>) -> Credential {
    own_key("LTAI5tRamgateItself0".parse().expect("a well-formed id"), &Secret::random(), account)
}

/// Has the first key of every role. Without it nothing starts: no call could be signed.
pub(super) async fn read_role_keys(keys: &UpstreamKeys) -> Result<(), Failure> {
    for role in keys.roles() {
        role.read(now()).await.map_err(|fault| Failure::new(fault.to_string(), fault.remedy()))?;
    }
    Ok(())
}

/// Has the keys of roles replaced for as long as the gateway runs.
pub(super) fn keep_role_keys(keys: &UpstreamKeys, servers: &TaskTracker, shutdown: &CancellationToken) {
    for role in keys.roles() {
        servers.spawn(Arc::clone(role).keep(shutdown.clone(), now));
    }
}

fn read(
    key: &OwnKey,
    account: Option<AccountId>,
    modes: FileModes,
    tls: &rustls::ClientConfig,
) -> Result<UpstreamKey, Failure> {
    match key {
        OwnKey::Fixed { access_key_id, secret } => {
            let secret =
                read_secret(secret, Path::new(""), modes).map_err(|what| Failure::new(what, help_for(secret)))?;
            Ok(own_key(access_key_id.clone(), &secret, account).into())
        }
        OwnKey::InstanceRole(settings) => {
            let role = InstanceRole::new(settings.clone(), known(account), tls.clone());
            Ok(Arc::new(role).into())
        }
    }
}

/// What to do where the secret cannot be had.
fn help_for(secret: &SecretPlace) -> &'static str {
    match secret {
        SecretPlace::File(_) => {
            "put the secret of the gateway's own key into that file, alone, and readable by the gateway's user only; or name \
             another file in `secret_file`"
        }
        SecretPlace::Environment(_) => "set the variable to the secret of the gateway's own key",
        SecretPlace::Command(_) => {
            "give a program that prints the secret of the gateway's own key, and ends with status 0"
        }
    }
}

/// The principal behind a key of the gateway's is known upstream, not here.
fn own_key(id: AccessKeyId, secret: &Secret, account: Option<AccountId>) -> Credential {
    Credential::new(id, secret, Principal::new(known(account), Identity::Root), KeyStatus::Active)
}

fn known(account: Option<AccountId>) -> AccountId {
    account.unwrap_or_else(|| "0".parse().expect("a well-formed account"))
}
