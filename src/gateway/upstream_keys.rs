//! The gateway's own keys: with which one a call is signed.

use std::collections::HashMap;

use crate::identity::Credential;
use crate::ram::AccountId;

/// A call is done to the resources of the account whose key signs it, so that must be the account it was judged for.
#[derive(Debug)]
pub enum UpstreamKeys {
    /// There is one account.
    One(Box<Credential>),
    OfAccount(HashMap<AccountId, Credential>),
}

impl UpstreamKeys {
    /// None for an account that is not served.
    pub(super) fn of(&self, account: &AccountId) -> Option<&Credential> {
        match self {
            Self::One(credential) => Some(credential),
            Self::OfAccount(keys) => keys.get(account),
        }
    }

    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        let (one, keys) = match self {
            Self::One(credential) => (Some(&**credential), None),
            Self::OfAccount(keys) => (None, Some(keys.values())),
        };
        one.into_iter().chain(keys.into_iter().flatten())
    }
}

impl From<Credential> for UpstreamKeys {
    fn from(credential: Credential) -> Self {
        Self::One(Box::new(credential))
    }
}
