//! The small HTTP client for everything except calls: key sets of token issuers, instance metadata, log collectors.
//!
//! Must not know: calls, callers, policies.

mod http;
mod issuer_keys;
mod log_exporter;
mod metadata;

pub use http::client_tls;
pub(crate) use http::error_chain;
pub use issuer_keys::{IssuerKeys, KeyPlace, SharedKeys};
pub use log_exporter::{LogExporter, ParcelEncoding};
pub use metadata::MetadataError;
pub(crate) use metadata::read_role_key;
