//! Parses the bytes of a call, strictly.
//!
//! Turns a request head and its parameters into values, and refuses anything that two parsers could interpret
//! differently (`docs/spec/wire-protocol.md` 8). Must not know: callers, operations, policies, sockets, any HTTP
//! library.

mod error;
mod form;
mod forwarded;
mod framing;
mod head;
mod header_lines;
mod proxy_header;
mod subject;
mod trusted_proxies;

pub use error::HeadError;
pub(crate) use error::{HeadErrorKind, excerpt};
pub(crate) use form::percent_encode;
pub use form::{FormError, FormLimits, check_plain_form, percent_encoded, read_parameters};
pub use forwarded::{Forwarded, ForwardedError, read_forwarded};
pub use framing::{BodyScanner, ChunkError, Scanned};
pub use head::{Form, Framing, Head, HeadLimits, Method};
pub use proxy_header::{ProxyError, ProxyProgress, ProxyVersions, read_proxy_header};
pub use subject::certificate_subject;
pub use trusted_proxies::TrustedProxies;
