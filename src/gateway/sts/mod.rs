//! The gateway's own STS: it answers `AssumeRoleWithOIDC`, `AssumeRole` and `GetCallerIdentity` of version `2015-04-01`,
//! and exchanges keys of the real STS (`spec/wire-protocol.md` 4).
//!
//! Nothing of this is forwarded. A key is handed out for a role that the decision point says may be assumed, once that
//! is written down, and over a channel that nobody else reads. Must not know: how keys are sealed, how trust is judged.

mod answer;
mod caller_identity;
mod credentials_uri;
mod direct_request;
mod fault;
mod log_in;
mod wanted;

use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{Granted, Recorded};
use crate::identity::{Grant, Issued, Issuer, NoKeyInForce, Signed};

pub(super) use answer::{GrantAnswer, granted_answer};
pub use caller_identity::IdentityExchange;
pub use credentials_uri::{CredentialsListener, CredentialsUri, serve_credentials};
pub(super) use direct_request::RefusedFor;
pub(super) use fault::StsFault;

use super::host::Accepted;

/// The version of every call here.
const VERSION: &str = "2015-04-01";

/// The gateway as an issuer of keys.
#[derive(Debug)]
pub struct Issuing {
    pub issuer: Arc<Issuer>,
    /// For keys of the real STS.
    pub exchange: Option<IdentityExchange>,
}

/// A key about to be issued, and what else its holder is told.
#[derive(Debug)]
pub(super) struct Granting {
    pub(super) granted: Granted,
    pub(super) answer: GrantAnswer,
}

impl Issuing {
    /// The only place where a key is made: for what was judged and written down.
    pub(super) fn issue(&self, recorded: &Recorded<Granted>, now: Timestamp) -> Result<Issued, NoKeyInForce> {
        let Granted { assumed, session, policy } = recorded.inner();
        let grant = Grant { principal: assumed.principal().clone(), session: session.clone(), policy: policy.clone() };
        self.issuer.issue(&grant, now)
    }
}

/// Whether a call is one of STS: by the version it names, wherever the scheme has it.
pub(super) fn is_called(signed: &Signed<'_>, host: &Accepted<'_>) -> bool {
    let version = signed.parameters.value("Version").or_else(|| signed.header("x-acs-version"));
    host.product.is_none() && version == Some(VERSION)
}
