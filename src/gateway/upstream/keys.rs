//! The gateway's own keys, and which of them signs a call.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use ram_policy::AccountId;

use super::instance_role::{InstanceRole, RoleKey};
use crate::identity::Credential;

/// The keys that calls are signed with. ECS carries a call out in the account of the key that signed it, so the key
/// must be of the account that the call was judged for.
#[derive(Debug)]
pub enum UpstreamKeys {
    /// One key for all calls: the gateway serves a single account.
    One(UpstreamKey),
    OfAccount(HashMap<AccountId, UpstreamKey>),
}

/// One key of the gateway's own.
#[derive(Debug)]
pub enum UpstreamKey {
    Fixed(Box<Credential>),
    /// A temporary key, replaced while the gateway runs.
    Role(Arc<InstanceRole>),
}

/// A key while a call is being signed with it. Replacing the role's key does not affect it.
pub(crate) enum SigningKey<'a> {
    Fixed(&'a Credential),
    Role(Arc<RoleKey>),
}

impl UpstreamKeys {
    /// The key that signs an account's calls at that time.
    ///
    /// # Errors
    /// The account has no key, or the key of the instance's role is missing or expired.
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

    /// The instance role whose key signs an account's calls, if one does.
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

    /// The fixed keys.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.keys().filter_map(|key| match key {
            UpstreamKey::Fixed(credential) => Some(&**credential),
            UpstreamKey::Role(_) => None,
        })
    }

    /// The roles whose temporary keys are used.
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

/// Why calls of an account cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the gateway has no key for account `{0}`")]
    NoKey(AccountId),
    /// No key of the role has been read since the start.
    #[error("the gateway has not read a key of its instance's role `{role}` yet")]
    NotReadYet { role: String },
    #[error("the gateway's key of its instance's role `{role}` expired at {expired}, and there is no newer one")]
    Expired { role: String, expired: Timestamp },
}
