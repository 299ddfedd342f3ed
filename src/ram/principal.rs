//! Who may be named by a policy: the account's root, a RAM user, a RAM role.

use std::fmt;
use std::str::FromStr;

use super::account::{AccountId, MalformedAccountId};

/// One identity of one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    pub account: AccountId,
    pub identity: Identity,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    Root,
    User(Box<str>),
    Role(Box<str>),
}

/// A principal as people write it: `user/alice`, `role/terway`, `root`, with the account in front
/// (`1234567890123456:user/alice`) where several are served, or a full ARN (design 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPrincipal {
    pub account: Option<AccountId>,
    pub identity: Identity,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedPrincipal {
    #[error(
        "`{0}` is no principal: write `user/NAME`, `role/NAME` or `root`, with `ACCOUNT:` in front where several accounts are served"
    )]
    Form(String),
    #[error("`{0}` is no name of a user or role: 1 to 128 letters, digits, `.`, `-`, `_` or `@`")]
    Name(String),
    #[error(transparent)]
    Account(#[from] MalformedAccountId),
}

impl Principal {
    /// The value of `acs:PrincipalARN`. A role's name is written in lower case there (`spec/ram-policy.md` 1.2).
    pub fn arn(&self) -> String {
        match &self.identity {
            Identity::Root => format!("acs:ram::{}:root", self.account),
            Identity::User(name) => format!("acs:ram::{}:user/{name}", self.account),
            Identity::Role(name) => format!("acs:ram::{}:role/{}", self.account, name.to_ascii_lowercase()),
        }
    }

    pub fn is_root(&self) -> bool {
        self.identity == Identity::Root
    }
}

impl WrittenPrincipal {
    /// The principal meant, in the only account there is, or none where the account must be said.
    pub fn in_account(self, only: Option<&AccountId>) -> Option<Principal> {
        let account = self.account.or_else(|| only.cloned())?;
        Some(Principal { account, identity: self.identity })
    }
}

impl FromStr for Identity {
    type Err = MalformedPrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "root" {
            return Ok(Self::Root);
        }
        match text.split_once('/') {
            Some(("user", name)) => Ok(Self::User(checked_name(name)?)),
            Some(("role", name)) => Ok(Self::Role(checked_name(name)?)),
            _ => Err(MalformedPrincipal::Form(text.into())),
        }
    }
}

impl FromStr for WrittenPrincipal {
    type Err = MalformedPrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix("acs:ram::").unwrap_or(text);
        match text.split_once(':') {
            Some((account, identity)) => Ok(Self { account: Some(account.parse()?), identity: identity.parse()? }),
            None => Ok(Self { account: None, identity: text.parse()? }),
        }
    }
}

fn checked_name(name: &str) -> Result<Box<str>, MalformedPrincipal> {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'@');
    if (1..=128).contains(&name.len()) && name.bytes().all(character) {
        Ok(name.into())
    } else {
        Err(MalformedPrincipal::Name(name.into()))
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

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.account, self.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_read_in_each_way_it_is_written() {
        let account: AccountId = "1234567890123456".parse().unwrap();
        let alice = Principal { account: account.clone(), identity: Identity::User("alice".into()) };
        for text in ["user/alice", "1234567890123456:user/alice", "acs:ram::1234567890123456:user/alice"] {
            let written: WrittenPrincipal = text.parse().unwrap();
            assert_eq!(written.in_account(Some(&account)), Some(alice.clone()), "{text}");
        }
        for text in ["alice", "group/x", "user/", "user/a b", "x:user/alice", "user/a/b"] {
            assert!(text.parse::<WrittenPrincipal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_role_arn_is_written_in_lower_case() {
        let role = Principal { account: "1".parse().unwrap(), identity: Identity::Role("Terway".into()) };
        assert_eq!(role.arn(), "acs:ram::1:role/terway");
    }
}
