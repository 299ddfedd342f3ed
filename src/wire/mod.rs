//! One reading of the bytes of a call, or none.
//!
//! Turns a request head and its parameters into values and refuses whatever two readers could read differently
//! (`spec/wire-protocol.md` 8). Must not know: who calls, what an operation is, policies, sockets, any HTTP library.

mod encode;
mod excerpt;
mod fault;
mod form;
mod forwarded;
mod framing;
mod head;
mod header_lines;
mod plain_form;
mod proxy_header;
mod subject;
mod trusted_proxies;

pub use encode::{percent_encode, percent_encoded};
pub use excerpt::excerpt;
pub use fault::{FaultKind, HeadFault};
pub use form::{FormFault, FormLimits, read_parameters};
pub use forwarded::{Forwarded, ForwardedFault, read_forwarded};
pub use framing::{BodyScanner, BrokenChunk, Scanned};
pub use head::{Form, Framing, Head, HeadLimits, Method};
pub use plain_form::check_plain_form;
pub use proxy_header::{ProxyFault, ProxyProgress, ProxyVersions, read_proxy_header};
pub use subject::certificate_subject;
pub use trusted_proxies::TrustedProxies;
