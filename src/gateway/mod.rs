//! The enforcement point: it accepts calls, has them judged and recorded, and forwards what is permitted.
//!
//! The only module with sockets to callers and to ECS. A call passes `listen` (accepting, handshake, head), `call`
//! (identity, operation, decision, answer) and `upstream` (signing, sending). If a decision depends on tags or resource
//! groups, `facts` reads them first. Calls of STS, which the gateway answers itself, go to `sts` instead of the
//! catalogue. Beside that path, `client` fetches key sets and exports the audit log, and `admin` serves health and
//! metrics.
//!
//! Must not know: what a policy says, how a signature is computed, files.

mod admin;
mod call;
mod client;
mod clock;
mod facts;
mod listen;
mod parts;
mod sts;
mod upstream;
mod work_slots;

pub use admin::{ChangedFiles, LogSpace, serve_admin};
pub use call::Product;
pub(crate) use client::error_chain;
pub use client::{IssuerKeys, KeyPlace, LogExporter, MetadataError, ParcelEncoding, SharedKeys, client_tls};
pub use clock::{now, steady};
pub use facts::{ResourceAttributes, UpstreamAttributes};
pub use listen::{
    ADMIN_SLOTS, CREDENTIALS_SLOTS, ClientCertificates, LEAVING_MOST, LISTEN_BACKLOG, ReservedPort, ServerTls,
    ServerTlsTexts, WAITING_MOST, run, server_tls,
};
pub use parts::{Callers, Front, Gateway, GatewayParts, InForce, Judge, Upstreams};
pub use sts::{CredentialsListener, CredentialsUri, IdentityExchange, Issuing, serve_credentials};
pub use upstream::{
    InstanceRole, KeyError, OwnKeyRefusal, Upstream, UpstreamError, UpstreamKey, UpstreamKeys, UpstreamTarget,
};
