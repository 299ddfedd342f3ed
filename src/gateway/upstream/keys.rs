//! The gateway's own keys: with which one a call is signed.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;

use crate::identity::Credential;
use ram_policy::AccountId;

use super::instance_role::{InstanceRole, RoleKey};
use super::key_error::KeyError;

/// A call is done to the resources of the account whose key signs it, so that must be the account it was judged for.
#[derive(Debug)]
pub enum UpstreamKeys {
    /// There is one account.
    One(UpstreamKey),
    OfAccount(HashMap<AccountId, UpstreamKey>),
}

/// One key of the gateway's own.
#[derive(Debug)]
pub enum UpstreamKey {
    Fixed(Box<Credential>),
    /// A temporary one, replaced while the gateway runs.
    Role(Arc<InstanceRole>),
}

/// A key for as long as a call is signed with it, whatever replaces it meanwhile.
pub(crate) enum SigningKey<'a> {
    Fixed(&'a Credential),
    Role(Arc<RoleKey>),
}

impl UpstreamKeys {
    /// The key to sign an account's calls with at that time.
    pub(crate) fn of(&self, account: &AccountId, now: Timestamp) -> Result<SigningKey<'_>, KeyError> {
        let key = match self {
            Self::One(key) => Some(key),
            Self::OfAccount(keys) => keys.get(account),
        };
        match key.ok_or_else(|| KeyError::NoKey(account.clone()))? {
            UpstreamKey::Fixed(credential) => Ok(SigningKey::Fixed(credential)),
            UpstreamKey::Role(role) => Ok(SigningKey::Role(role.key(now)?)),
        }
    }

    /// The role whose key an account's calls are signed with.
    pub(crate) fn role_of(&self, account: &AccountId) -> Option<&Arc<InstanceRole>> {
        let key = match self {
            Self::One(key) => Some(key),
            Self::OfAccount(keys) => keys.get(account),
        };
        key.and_then(|key| match key {
            UpstreamKey::Fixed(_) => None,
            UpstreamKey::Role(role) => Some(role),
        })
    }

    /// The keys that stay what they are.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.keys().filter_map(|key| match key {
            UpstreamKey::Fixed(credential) => Some(&**credential),
            UpstreamKey::Role(_) => None,
        })
    }

    /// Those that do not.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<InstanceRole>> {
        self.keys().filter_map(|key| match key {
            UpstreamKey::Fixed(_) => None,
            UpstreamKey::Role(role) => Some(role),
        })
    }

    fn keys(&self) -> impl Iterator<Item = &UpstreamKey> {
        let (one, keys) = match self {
            Self::One(key) => (Some(key), None),
            Self::OfAccount(keys) => (None, Some(keys.values())),
        };
        one.into_iter().chain(keys.into_iter().flatten())
    }
}

impl Deref for SigningKey<'_> {
    type Target = Credential;

    fn deref(&self) -> &Credential {
        match self {
            Self::Fixed(credential) => credential,
            Self::Role(key) => &key.credential,
        }
    }
}

impl From<Credential> for UpstreamKey {
    fn from(credential: Credential) -> Self {
        Self::Fixed(Box::new(credential))
    }
}

impl From<Arc<InstanceRole>> for UpstreamKey {
    fn from(role: Arc<InstanceRole>) -> Self {
        Self::Role(role)
    }
}

impl From<Credential> for UpstreamKeys {
    fn from(credential: Credential) -> Self {
        Self::One(credential.into())
    }
}

impl From<Arc<InstanceRole>> for UpstreamKeys {
    fn from(role: Arc<InstanceRole>) -> Self {
        Self::One(role.into())
    }
}
