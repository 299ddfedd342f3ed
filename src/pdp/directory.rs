//! The principals, and the policies attached to each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ram_policy::{AccountId, ByPrincipal, Identity, Layers, Principal, PrincipalName, TrustPolicy};

/// Every principal of every account, with its policies. It is valid: invalid accounts are refused when they are read.
#[derive(Clone, Debug)]
pub struct Directory {
    accounts: BTreeSet<AccountId>,
    principals: ByPrincipal<PrincipalEntry>,
    revision: String,
}

/// One principal's policies and properties.
#[derive(Clone, Debug)]
pub struct PrincipalEntry {
    /// RAM's numeric id, where the account file gives one.
    pub id: Option<Box<str>>,
    /// The policies, by layer.
    pub layers: Arc<Layers>,
    /// Only for a role that can be assumed.
    pub assumable: Option<Assumable>,
}

/// How a role may be assumed.
#[derive(Clone, Debug)]
pub struct Assumable {
    /// The role's trust policy: who may assume it, and under which conditions.
    pub trust: Arc<TrustPolicy>,
    /// The maximum duration of a session: RAM's MaxSessionDuration.
    pub longest: Duration,
}

/// A name does not identify a principal of the directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownPrincipalError {
    /// The name has no account, and the directory does not have exactly one account that it could mean.
    #[error("`{0}` could belong to any account: write `ACCOUNT:{0}`")]
    AccountNeeded(String),
    /// The account is not served, or it has no such user or role.
    #[error("`{0}` is not in any policy directory")]
    NotInDirectory(Principal),
}

impl Directory {
    /// `revision` is a digest of everything the directory was read from. An account need not have principals.
    pub fn new(
        accounts: impl IntoIterator<Item = AccountId>,
        principals: impl IntoIterator<Item = (Principal, PrincipalEntry)>,
        revision: String,
    ) -> Self {
        let mut accounts: BTreeSet<AccountId> = accounts.into_iter().collect();
        let principals: ByPrincipal<PrincipalEntry> = principals.into_iter().collect();
        accounts.extend(principals.keys().map(|principal| principal.account().clone()));
        Self { accounts, principals, revision }
    }

    /// The digest of everything the directory was read from.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The entry of a principal, if it is in the directory.
    pub fn entry(&self, principal: &Principal) -> Option<&PrincipalEntry> {
        self.principals.get(principal)
    }

    /// Whether an account is served.
    pub fn has_account(&self, account: &AccountId) -> bool {
        self.accounts.contains(account)
    }

    /// The accounts, in a stable order.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter()
    }

    /// The only account, if there is exactly one. Names without an account then belong to it.
    pub fn only_account(&self) -> Option<&AccountId> {
        let mut accounts = self.accounts.iter();
        accounts.next().filter(|_| accounts.next().is_none())
    }

    /// Whether a principal exists: it has an entry, or it is the root of a served account.
    pub fn knows(&self, principal: &Principal) -> bool {
        self.entry(principal).is_some() || (principal.is_root() && self.has_account(principal.account()))
    }

    /// The principal with this name.
    ///
    /// # Errors
    /// A principal that does not exist, or a name that needs an account.
    pub(crate) fn named(&self, name: PrincipalName) -> Result<Principal, UnknownPrincipalError> {
        let identity = name.identity.clone();
        let principal = name.in_account(self.only_account());
        let principal = principal.ok_or_else(|| UnknownPrincipalError::AccountNeeded(identity.to_string()))?;
        if self.knows(&principal) { Ok(principal) } else { Err(UnknownPrincipalError::NotInDirectory(principal)) }
    }

    /// The role with this name. RAM ignores case in names, and writes them in lower case in ARNs
    /// (`docs/spec/ram-policy.md` 1.2).
    pub fn role(&self, account: &AccountId, name: &str) -> Option<(&Principal, &PrincipalEntry)> {
        let exactly = Principal::new(account.clone(), Identity::Role(name.into()));
        if let Some(found) = self.principals.get_key_value(&exactly) {
            return Some(found);
        }
        self.principals.iter().find(|(principal, _)| principal.arn() == exactly.arn())
    }

    /// The principals in a stable order: by account, users before roles, by name.
    pub fn principals(&self) -> impl Iterator<Item = (&Principal, &PrincipalEntry)> {
        let mut sorted: Vec<_> = self.principals.iter().collect();
        sorted.sort_unstable_by_key(|(principal, _)| *principal);
        sorted.into_iter()
    }

    /// The number of principals.
    pub(crate) fn len(&self) -> usize {
        self.principals.len()
    }

    /// Whether there are no principals, so that every call would be denied.
    pub(crate) fn is_empty(&self) -> bool {
        self.principals.is_empty()
    }
}
