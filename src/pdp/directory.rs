//! Who exists, and what is attached to whom.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::policy::{Layers, TrustPolicy};
use crate::ram::{AccountId, ByPrincipal, Identity, Principal, WrittenPrincipal};

/// Every principal of every account, with its layers. Whatever could be wrong with it was refused when it was read.
#[derive(Clone, Debug)]
pub struct Directory {
    accounts: BTreeSet<AccountId>,
    principals: ByPrincipal<Standing>,
    revision: String,
}

/// What one principal is and has.
#[derive(Clone, Debug)]
pub struct Standing {
    /// RAM's numeric id, where the account file gives one.
    pub id: Option<Box<str>>,
    pub layers: Arc<Layers>,
    /// Of a role that somebody may assume.
    pub assumable: Option<Assumable>,
}

/// How a role may be assumed.
#[derive(Clone, Debug)]
pub struct Assumable {
    pub trust: Arc<TrustPolicy>,
    /// The longest that a session may last: RAM's MaxSessionDuration.
    pub longest: Duration,
}

/// A name that is nobody's here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPrincipal {
    #[error("`{0}` could be of any account: write `ACCOUNT:{0}`")]
    OfAnyAccount(String),
    #[error("`{0}` is in no policy directory")]
    Nobody(Principal),
}

impl Directory {
    /// `revision` is a digest of everything the directory was read from. An account without principals exists too.
    pub fn new(
        accounts: impl IntoIterator<Item = AccountId>,
        principals: impl IntoIterator<Item = (Principal, Standing)>,
        revision: String,
    ) -> Self {
        let mut accounts: BTreeSet<AccountId> = accounts.into_iter().collect();
        let principals: ByPrincipal<Standing> = principals.into_iter().collect();
        accounts.extend(principals.keys().map(|principal| principal.account().clone()));
        Self { accounts, principals, revision }
    }

    pub fn revision(&self) -> &str {
        &self.revision
    }

    pub fn standing(&self, principal: &Principal) -> Option<&Standing> {
        self.principals.get(principal)
    }

    pub fn has_account(&self, account: &AccountId) -> bool {
        self.accounts.contains(account)
    }

    /// In a stable order.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter()
    }

    /// The account that need not be named: the only one.
    pub fn only_account(&self) -> Option<&AccountId> {
        let mut accounts = self.accounts.iter();
        accounts.next().filter(|_| accounts.next().is_none())
    }

    /// Whether a principal may be named: one with a standing, or the root of an account that is served.
    pub fn knows(&self, principal: &Principal) -> bool {
        self.standing(principal).is_some() || (principal.is_root() && self.has_account(principal.account()))
    }

    /// The principal that is meant.
    ///
    /// # Errors
    /// One that is not known, and one whose account had to be said.
    pub fn named(&self, written: WrittenPrincipal) -> Result<Principal, UnknownPrincipal> {
        let identity = written.identity.clone();
        let principal = written.in_account(self.only_account());
        let principal = principal.ok_or_else(|| UnknownPrincipal::OfAnyAccount(identity.to_string()))?;
        if self.knows(&principal) { Ok(principal) } else { Err(UnknownPrincipal::Nobody(principal)) }
    }

    /// The role of that name. Names that differ only in case are one to RAM, whose ARNs have them in lower case
    /// (`spec/ram-policy.md` 1.2).
    pub fn role(&self, account: &AccountId, name: &str) -> Option<(&Principal, &Standing)> {
        let exactly = Principal::new(account.clone(), Identity::Role(name.into()));
        if let Some(found) = self.principals.get_key_value(&exactly) {
            return Some(found);
        }
        self.principals.iter().find(|(principal, _)| principal.arn() == exactly.arn())
    }

    /// In a stable order: by account, users before roles, by name.
    pub fn principals(&self) -> impl Iterator<Item = (&Principal, &Standing)> {
        let mut sorted: Vec<_> = self.principals.iter().collect();
        sorted.sort_unstable_by_key(|(principal, _)| *principal);
        sorted.into_iter()
    }

    /// How many principals there are.
    pub fn len(&self) -> usize {
        self.principals.len()
    }

    pub fn is_empty(&self) -> bool {
        self.principals.is_empty()
    }
}
