//! The gateway's own keys upstream, with their secrets.

use std::collections::HashMap;
use std::path::Path;

use crate::config::{OwnKey, OwnKeys};
use crate::gateway::UpstreamKeys;
use crate::identity::{Credential, KeyStatus, Secret};
use crate::pdp::Directory;
use crate::ram::{AccessKeyId, AccountId, Identity, Principal};
use crate::store::{FileModes, read_secret};

use super::exit::Failure;

/// Reads the secrets. Every account's calls must be signed with that account's key: with another they would be done to
/// another account's resources than those that were judged.
pub(super) fn read_own_keys(keys: &OwnKeys, directory: &Directory, modes: FileModes) -> Result<UpstreamKeys, Failure> {
    match keys {
        OwnKeys::None => Ok(UpstreamKeys::OfAccount(HashMap::new())),
        OwnKeys::One(key) => {
            let mut accounts = directory.accounts();
            let account = accounts.next().cloned();
            if accounts.next().is_some() {
                let what = "several accounts are served, and the gateway has one key of its own";
                return Err(Failure::new(what, "write a `[[upstream.key]]` for each account"));
            }
            Ok(read(key, account, modes)?.into())
        }
        OwnKeys::OfAccount(keys) => {
            let nobody = keys.iter().find(|(account, _)| !directory.has_account(account));
            if let Some((account, _)) = nobody {
                let what = format!("there is a `[[upstream.key]]` of account `{account}`, and no policy directory is");
                return Err(Failure::new(what, "correct its `account`, or name the directory in `policies`"));
            }
            let read = keys.iter().map(|(account, key)| {
                let credential = read(key, Some(account.clone()), modes)?;
                Ok((account.clone(), credential))
            });
            Ok(UpstreamKeys::OfAccount(read.collect::<Result<_, Failure>>()?))
        }
    }
}

/// A key for the length of one run: the embedded ECS takes this one and no other.
pub(super) fn simulator_key(account: Option<AccountId>) -> Credential {
    own_key("LTAI5tRamgateItself0".parse().expect("a well-formed id"), &Secret::random(), account)
}

fn read(key: &OwnKey, account: Option<AccountId>, modes: FileModes) -> Result<Credential, Failure> {
    let secret = read_secret(&key.secret, Path::new(""), modes)
        .map_err(|what| Failure::new(what, "give the secret of the gateway's own key"))?;
    Ok(own_key(key.access_key_id.clone(), &secret, account))
}

/// The principal behind a key of the gateway's is known upstream, not here.
fn own_key(id: AccessKeyId, secret: &Secret, account: Option<AccountId>) -> Credential {
    let account = account.unwrap_or_else(|| "0".parse().expect("a well-formed account"));
    Credential::new(id, secret, Principal::new(account, Identity::Root), KeyStatus::Active)
}
