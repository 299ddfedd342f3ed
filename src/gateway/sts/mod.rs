//! The gateway's own STS: it answers `AssumeRoleWithOIDC`, `AssumeRole` and `GetCallerIdentity` of version
//! `2015-04-01`, and exchanges keys of the real STS (`docs/spec/wire-protocol.md` 4).
//!
//! These calls are never forwarded. A key is issued only for a role that the decision point allows the caller to
//! assume, only after that decision is in the log, and only over a protected channel. Must not know: how keys are
//! sealed, how trust is judged.

mod answer;
mod caller_identity;
mod credentials_uri;
mod direct_request;
mod error;
mod identity_exchange;
mod issuing;
mod log_in;
mod wanted;

use crate::identity::Signed;

pub(crate) use answer::granted_answer;
pub use credentials_uri::{CredentialsListener, CredentialsUri, serve_credentials};
pub(crate) use direct_request::RefusedFor;
pub(crate) use error::StsError;
pub use identity_exchange::IdentityExchange;
pub(crate) use issuing::Granting;
pub use issuing::Issuing;
pub(crate) use log_in::log_in;

use crate::gateway::call::Accepted;

/// The version of STS's API.
const VERSION: &str = "2015-04-01";

/// Whether a call is for STS. That shows in its version, a parameter or a header depending on the signature's scheme. A
/// host that is assigned to a product is never STS.
pub(crate) fn is_called(signed: &Signed<'_>, host: &Accepted<'_>) -> bool {
    let version = signed.parameters.value("Version").or_else(|| signed.header("x-acs-version"));
    host.product.is_none() && version == Some(VERSION)
}
