//! The gateway's own STS: it answers `AssumeRoleWithOIDC`, `AssumeRole` and `GetCallerIdentity` of version `2015-04-01`,
//! and exchanges keys of the real STS (`docs/spec/wire-protocol.md` 4).
//!
//! Nothing of this is forwarded. A key is handed out for a role that the decision point says may be assumed, once that
//! is written down, and over a channel that nobody else reads. Must not know: how keys are sealed, how trust is judged.

mod answer;
mod caller_identity;
mod credentials_uri;
mod direct_request;
mod fault;
mod identity_exchange;
mod issuing;
mod log_in;
mod wanted;

use crate::identity::Signed;

pub(crate) use answer::granted_answer;
pub use credentials_uri::{CredentialsListener, CredentialsUri, serve_credentials};
pub(crate) use direct_request::RefusedFor;
pub(crate) use fault::StsError;
pub use identity_exchange::IdentityExchange;
pub(crate) use issuing::Granting;
pub use issuing::Issuing;
pub(crate) use log_in::log_in;

use crate::gateway::call::Accepted;

/// The version of every call here.
const VERSION: &str = "2015-04-01";

/// Whether a call is one of STS: by the version it names, wherever the scheme has it.
pub(crate) fn is_called(signed: &Signed<'_>, host: &Accepted<'_>) -> bool {
    let version = signed.parameters.value("Version").or_else(|| signed.header("x-acs-version"));
    host.product.is_none() && version == Some(VERSION)
}
