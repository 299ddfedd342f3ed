//! The account id: the numeric UID of the account that owns principals and resources.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The UID of an Alibaba Cloud account: 1 to 20 decimal digits, 16 in every published example
/// (`docs/spec/ram-policy.md` 3). A clone costs no allocation.
///
/// ```
/// use ram_policy::AccountId;
///
/// let account: AccountId = "1234567890123456".parse()?;
/// assert_eq!(account.as_str(), "1234567890123456");
/// assert!("my-account".parse::<AccountId>().is_err());
/// # Ok::<(), ram_policy::AccountIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Arc<str>);

/// A text that is not a valid [`AccountId`]. The field holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid account id: an account id is 1 to 20 digits, such as `1234567890123456`")]
pub struct AccountIdError(pub String);

impl AccountId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if well_formed { Ok(Self(text.into())) } else { Err(AccountIdError(text.into())) }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}
