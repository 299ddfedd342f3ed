//! The principals of RAM: the root of an account, a RAM user, a RAM role.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::name::account::{AccountId, AccountIdError};

/// One identity of one account. A clone costs no allocation.
///
/// ```
/// use ram_policy::Principal;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let alice = Principal::new("1234567890123456".parse()?, "user/alice".parse()?);
/// assert_eq!(alice.arn(), "acs:ram::1234567890123456:user/alice");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

struct Inner {
    account: AccountId,
    identity: Identity,
    arn: Box<str>,
    /// The hash of account and identity, computed once, because principals are looked up on every call.
    hash: u64,
}

/// An identity within an account. Its text form is `root`, `user/NAME` or `role/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// The root of the account.
    Root,
    /// The RAM user with this name.
    User(Arc<str>),
    /// The RAM role with this name.
    Role(Arc<str>),
}

/// A principal as it is written in files and on command lines, where the account may be omitted.
///
/// The forms are `user/alice`, `role/terway` and `root`; the same with an account in front
/// (`1234567890123456:user/alice`); and an ARN (`acs:ram::1234567890123456:user/alice`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalName {
    /// The account, if the text names one.
    pub account: Option<AccountId>,
    /// The identity within the account.
    pub identity: Identity,
}

/// Why a text is not a valid [`Identity`] or [`PrincipalName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// The text, which is not of the form `root`, `user/NAME` or `role/NAME`.
    #[error(
        "`{0}` is not a valid principal: write `user/NAME`, `role/NAME` or `root`, \
         with the prefix `ACCOUNT:` if several accounts are served"
    )]
    Form(String),
    /// The name of the user or role, which has an invalid length or character.
    #[error("`{0}` is not a valid user or role name: use 1 to 128 letters, digits, `.`, `-`, `_` or `@`")]
    Name(String),
    /// The account id in front of the identity is not valid.
    #[error(transparent)]
    Account(#[from] AccountIdError),
}

impl Principal {
    /// The principal with this identity in this account.
    pub fn new(account: AccountId, identity: Identity) -> Self {
        let arn = match &identity {
            Identity::Root => format!("acs:ram::{account}:root"),
            Identity::User(name) => format!("acs:ram::{account}:user/{name}"),
            Identity::Role(name) => format!("acs:ram::{account}:role/{}", name.to_ascii_lowercase()),
        };
        let mut hasher = DefaultHasher::new();
        (&account, &identity).hash(&mut hasher);
        let hash = hasher.finish();
        Self(Arc::new(Inner { account, identity, arn: arn.into(), hash }))
    }

    /// The account that the principal belongs to.
    pub fn account(&self) -> &AccountId {
        &self.0.account
    }

    /// The identity within the account.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The value of `acs:PrincipalARN`. It has the name of a role in lower case (`docs/spec/ram-policy.md` 1.2).
    pub fn arn(&self) -> &str {
        &self.0.arn
    }

    /// Whether this is the root of its account.
    pub fn is_root(&self) -> bool {
        *self.identity() == Identity::Root
    }
}

impl PartialEq for Principal {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let same = || self.0.hash == other.0.hash && self.cmp(other).is_eq();
        Arc::ptr_eq(&self.0, &other.0) || same()
    }
}

impl Eq for Principal {}

impl Hash for Principal {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// A hasher for keys that carry their own hash, such as [`Principal`]: it passes that hash on.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownHash(u64);

impl Hasher for KnownHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A map keyed by principal.
pub type ByPrincipal<T> = HashMap<Principal, T, BuildHasherDefault<KnownHash>>;

impl PartialOrd for Principal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Principal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.account().cmp(other.account()).then_with(|| self.identity().cmp(other.identity()))
    }
}

impl PrincipalName {
    /// The named principal. A name without an account belongs to the account `only`, which the caller passes if it
    /// serves a single account; `None` if neither gives an account.
    pub fn in_account(self, only: Option<&AccountId>) -> Option<Principal> {
        let account = self.account.or_else(|| only.cloned())?;
        Some(Principal::new(account, self.identity))
    }
}

impl FromStr for Identity {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "root" {
            return Ok(Self::Root);
        }
        match text.split_once('/') {
            Some(("user", name)) => Ok(Self::User(checked_name(name)?)),
            Some(("role", name)) => Ok(Self::Role(checked_name(name)?)),
            _ => Err(PrincipalError::Form(text.into())),
        }
    }
}

impl FromStr for PrincipalName {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix("acs:ram::").unwrap_or(text);
        match text.split_once(':') {
            Some((account, identity)) => Ok(Self { account: Some(account.parse()?), identity: identity.parse()? }),
            None => Ok(Self { account: None, identity: text.parse()? }),
        }
    }
}

fn checked_name(name: &str) -> Result<Arc<str>, PrincipalError> {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'@');
    if (1..=128).contains(&name.len()) && name.bytes().all(character) {
        Ok(name.into())
    } else {
        Err(PrincipalError::Name(name.into()))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::User(name) => write!(f, "user/{name}"),
            Self::Role(name) => write!(f, "role/{name}"),
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({self})")
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.account(), self.identity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_principal_is_read() {
        let account: AccountId = "1234567890123456".parse().unwrap();
        let alice = Principal::new(account.clone(), Identity::User("alice".into()));
        for text in ["user/alice", "1234567890123456:user/alice", "acs:ram::1234567890123456:user/alice"] {
            let name: PrincipalName = text.parse().unwrap();
            assert_eq!(name.in_account(Some(&account)), Some(alice.clone()), "{text}");
        }
        for text in ["alice", "group/x", "user/", "user/a b", "x:user/alice", "user/a/b"] {
            assert!(text.parse::<PrincipalName>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_arn_of_a_role_is_in_lower_case() {
        let role = Principal::new("1".parse().unwrap(), Identity::Role("Terway".into()));
        assert_eq!(role.arn(), "acs:ram::1:role/terway");
    }
}
