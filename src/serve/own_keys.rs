//! The keys with which the gateway itself signs calls to ECS.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{OwnKey, OwnKeys};
use crate::gateway::{InstanceRole, UpstreamKey, UpstreamKeys, now};
use crate::identity::{Credential, KeyStatus, Secret, SecretPlace};
use crate::pdp::Directory;
use crate::ram::AccessKeyId;
use crate::store::{FileModes, read_secret};
use ram_policy::{AccountId, Identity, Principal};

use super::error::StartError;

/// Reads the secrets. Calls of an account must be signed with that account's key: with another key, ECS would act on
/// another account's resources, which were not judged. `tls` is for the metadata server that provides a role's key.
pub(super) fn read_own_keys(
    keys: &OwnKeys,
    directory: &Directory,
    modes: FileModes,
    tls: &rustls::ClientConfig,
) -> Result<UpstreamKeys, StartError> {
    match keys {
        OwnKeys::None => Ok(UpstreamKeys::OfAccount(HashMap::new())),
        OwnKeys::One(key) => {
            let mut accounts = directory.accounts();
            let account = accounts.next().cloned();
            if accounts.next().is_some() {
                let what = "several accounts are served, but the gateway has only one key of its own";
                return Err(StartError::new(what, "write a `[[upstream.key]]` for each account"));
            }
            Ok(UpstreamKeys::One(read(key, account, modes, tls)?))
        }
        OwnKeys::OfAccount(keys) => {
            let unknown = keys.iter().find(|(account, _)| !directory.has_account(account));
            if let Some((account, _)) = unknown {
                let what = format!("a `[[upstream.key]]` is for account `{account}`, which has no policy directory");
                return Err(StartError::new(what, "correct its `account`, or name the directory in `policies`"));
            }
            let read = keys.iter().map(|(account, key)| {
                let key = read(key, Some(account.clone()), modes, tls)?;
                Ok((account.clone(), key))
            });
            Ok(UpstreamKeys::OfAccount(read.collect::<Result<_, StartError>>()?))
        }
    }
}

/// A key for a single run, which the embedded ECS accepts.
pub(super) fn simulator_key(account: Option<AccountId>) -> Credential {
    own_key("LTAI5tRamgateItself0".parse().expect("a well-formed id"), &Secret::random(), account)
}

/// Reads the first key of every role. Without it the start fails, since no call could be signed.
pub(super) async fn read_role_keys(keys: &UpstreamKeys) -> Result<(), StartError> {
    for role in keys.roles() {
        role.read(now()).await.map_err(|error| StartError::new(error.to_string(), error.remedy()))?;
    }
    Ok(())
}

/// Keeps replacing the keys of roles before they expire, until the shutdown.
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
) -> Result<UpstreamKey, StartError> {
    match key {
        OwnKey::Fixed { access_key_id, secret } => {
            let secret =
                read_secret(secret, Path::new(""), modes).map_err(|what| StartError::new(what, help_for(secret)))?;
            Ok(own_key(access_key_id.clone(), &secret, account).into())
        }
        OwnKey::InstanceRole(settings) => {
            let role = InstanceRole::new(settings.clone(), known(account), tls.clone());
            Ok(Arc::new(role).into())
        }
    }
}

/// The remedy for a secret that cannot be read.
fn help_for(secret: &SecretPlace) -> &'static str {
    match secret {
        SecretPlace::File(_) => {
            "put only the secret of the gateway's own key into that file, readable only by the gateway's user; or name \
             another file in `secret_file`"
        }
        SecretPlace::Environment(_) => "set the variable to the secret of the gateway's own key",
        SecretPlace::Command(_) => {
            "name a program that prints the secret of the gateway's own key and exits with status 0"
        }
    }
}

/// Only the upstream knows which principal the gateway's own key belongs to; root is a placeholder here.
fn own_key(id: AccessKeyId, secret: &Secret, account: Option<AccountId>) -> Credential {
    Credential::new(id, secret, Principal::new(known(account), Identity::Root), KeyStatus::Active)
}

fn known(account: Option<AccountId>) -> AccountId {
    account.unwrap_or_else(|| "0".parse().expect("a well-formed account"))
}
