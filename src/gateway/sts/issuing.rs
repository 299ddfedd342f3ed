//! Issuing keys of the gateway's own.

use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{Granted, Recorded};
use crate::identity::{Grant, Issued, Issuer, NoValidKeyError};

use super::answer::GrantAnswer;
use super::identity_exchange::IdentityExchange;

/// What the gateway needs to issue keys.
#[derive(Debug)]
pub struct Issuing {
    pub issuer: Arc<Issuer>,
    /// Set if keys of the real STS can be exchanged.
    pub exchange: Option<IdentityExchange>,
}

/// A key about to be issued, and the rest of the answer to its holder.
#[derive(Debug)]
pub(crate) struct Granting {
    pub(crate) granted: Granted,
    pub(crate) answer: GrantAnswer,
}

impl Issuing {
    /// The only place where a key is issued. It requires a decision that is in the log.
    ///
    /// # Errors
    /// No issuer key is valid at that time.
    pub(crate) fn issue(&self, recorded: &Recorded<Granted>, now: Timestamp) -> Result<Issued, NoValidKeyError> {
        let Granted { assumed, session, policy } = recorded.inner();
        let grant = Grant { principal: assumed.principal().clone(), session: session.clone(), policy: policy.clone() };
        self.issuer.issue(&grant, now)
    }
}
