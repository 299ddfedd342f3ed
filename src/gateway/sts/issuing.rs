//! The gateway as an issuer of keys.

use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{Granted, Recorded};
use crate::identity::{Grant, Issued, Issuer, NoValidKeyError};

use super::answer::GrantAnswer;
use super::identity_exchange::IdentityExchange;

/// The gateway as an issuer of keys.
#[derive(Debug)]
pub struct Issuing {
    pub issuer: Arc<Issuer>,
    /// For keys of the real STS.
    pub exchange: Option<IdentityExchange>,
}

/// A key about to be issued, and what else its holder is told.
#[derive(Debug)]
pub(crate) struct Granting {
    pub(crate) granted: Granted,
    pub(crate) answer: GrantAnswer,
}

impl Issuing {
    /// The only place where a key is made: for what was judged and written down.
    pub(crate) fn issue(&self, recorded: &Recorded<Granted>, now: Timestamp) -> Result<Issued, NoValidKeyError> {
        let Granted { assumed, session, policy } = recorded.inner();
        let grant = Grant { principal: assumed.principal().clone(), session: session.clone(), policy: policy.clone() };
        self.issuer.issue(&grant, now)
    }
}
