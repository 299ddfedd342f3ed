//! Why the gateway cannot sign calls for an account.

use jiff::Timestamp;
use ram_policy::AccountId;

/// Why nothing can be signed for an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the gateway has no key of account {0}")]
    NoKey(AccountId),
    #[error("the gateway has no key of its instance's role `{role}` yet")]
    AttributeReadError { role: String },
    #[error("the gateway's key of its instance's role `{role}` expired at {expired}, and there is no newer one")]
    Expired { role: String, expired: Timestamp },
}
