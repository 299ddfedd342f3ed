//! The enforcement point: accepts calls, has them judged and written down, and forwards what was permitted.
//!
//! The one room with sockets to callers and to ECS. A call goes down the list: `server` accepts, `connections` gives it a slot, `welcome` does what
//! comes before HTTP (the PROXY header, the TLS handshake), `reader` checks its head, `inbound` makes one reading of it, `exchange` takes it past identity, catalogue and decision point, `settle`
//! has it written down, and `upstream` sends it: rebuilt, or as it came (`outgoing`, `original`). Where a policy turns on
//! tags or groups, `resource_facts` looks them up first; `issuer_keys` keeps what tokens are checked with, and
//! `instance_role` a key that does not last. Calls that ask for a key of the gateway's own leave the list before the
//! catalogue, for `sts`. `key_health` notes what the upstream says of the gateway's own keys, and `key_watch` asks until
//! it accepts them again. Beside the list, `admin` tells how all of it is doing, and `shipping` sends the audit log on.
//! Must not know: what a policy says, how a signature is computed, files.

mod admin;
mod answer_counts;
mod called;
mod clock;
mod connection;
mod connections;
mod exchange;
mod fact_answer;
mod fact_memory;
mod fact_query;
mod fetch;
mod go_between;
mod host;
mod inbound;
mod instance_role;
mod issuer_keys;
mod key_health;
mod key_watch;
mod long;
mod metadata;
mod neighbour;
mod one_request;
mod original;
mod outgoing;
mod own_identity;
mod parts;
mod product;
mod reader;
mod refusal_log;
mod region_alias;
mod reply;
mod reserved_port;
mod resource_facts;
mod server;
mod server_tls;
mod settle;
mod shipping;
mod socket;
mod stop;
mod sts;
mod tls;
mod turn;
mod unread;
mod upstream;
mod upstream_answer;
mod upstream_error;
mod upstream_keys;
mod waiting_strangers;
mod welcome;
mod work_slots;

pub use admin::{ChangedFiles, LogSpace, serve_admin};
pub use clock::{now, steady};
pub use connections::{ADMIN_SLOTS, CREDENTIALS_SLOTS, LEAVING_MOST, WAITING_MOST};
pub use instance_role::InstanceRole;
pub use issuer_keys::{IssuerKeys, KeyPlace, SharedKeys};
pub use metadata::MetadataFault;
pub use parts::{Gateway, GatewayParts};
pub use product::Product;
pub use reserved_port::{LISTEN_BACKLOG, ReservedPort};
pub use resource_facts::{ResourceFacts, UpstreamFacts};
pub use server::run;
pub use server_tls::{ClientCertificates, ServerTls, ServerTlsTexts, server_tls};
pub use shipping::{ParcelEncoding, Shipping};
pub use sts::{CredentialsListener, CredentialsUri, IdentityExchange, Issuing, serve_credentials};
pub use tls::client_tls;
pub(crate) use upstream::error_chain;
pub use upstream::{Upstream, UpstreamFault, UpstreamTarget};
pub use upstream_answer::OwnKeyRefusal;
pub use upstream_keys::{KeyFault, UpstreamKey, UpstreamKeys};
