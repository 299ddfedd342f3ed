//! Who exists, and what is attached to whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::policy::Layers;
use crate::ram::{AccountId, Identity, Principal};

/// Every principal of every account, with its layers. Whatever could be wrong with it was refused when it was read.
#[derive(Clone, Debug)]
pub struct Directory {
    accounts: BTreeMap<AccountId, BTreeMap<Identity, Standing>>,
    revision: String,
}

/// What one principal is and has.
#[derive(Clone, Debug)]
pub struct Standing {
    /// RAM's numeric id, where the account file gives one.
    pub id: Option<Box<str>>,
    pub layers: Arc<Layers>,
}

impl Directory {
    /// `revision` is a digest of everything the directory was read from. An account without principals exists too.
    pub fn new(
        accounts: impl IntoIterator<Item = AccountId>,
        principals: impl IntoIterator<Item = (Principal, Standing)>,
        revision: String,
    ) -> Self {
        let mut directory =
            Self { accounts: accounts.into_iter().map(|account| (account, BTreeMap::new())).collect(), revision };
        for (principal, standing) in principals {
            directory.accounts.entry(principal.account).or_default().insert(principal.identity, standing);
        }
        directory
    }

    pub fn revision(&self) -> &str {
        &self.revision
    }

    pub fn standing(&self, principal: &Principal) -> Option<&Standing> {
        self.accounts.get(&principal.account)?.get(&principal.identity)
    }

    pub fn has_account(&self, account: &AccountId) -> bool {
        self.accounts.contains_key(account)
    }

    /// The account that need not be named: the only one.
    pub fn only_account(&self) -> Option<&AccountId> {
        let mut accounts = self.accounts.keys();
        accounts.next().filter(|_| accounts.next().is_none())
    }

    /// Whether a principal may be named: one with a standing, or the root of an account that is served.
    pub fn knows(&self, principal: &Principal) -> bool {
        self.standing(principal).is_some() || (principal.is_root() && self.has_account(&principal.account))
    }

    /// In a stable order.
    pub fn principals(&self) -> impl Iterator<Item = (Principal, &Standing)> {
        self.accounts.iter().flat_map(|(account, principals)| {
            principals.iter().map(|(identity, standing)| {
                (Principal { account: account.clone(), identity: identity.clone() }, standing)
            })
        })
    }
}
