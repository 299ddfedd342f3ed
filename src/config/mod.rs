//! The configuration: as it is written, and as it is needed. A configuration that was read can run.
//!
//! Must not know: how anything it configures works. Reads no file: whoever does hands it the text.

mod audit_sync;
mod duration;
mod environment;
mod listener;
mod needed;
mod unbuilt;
mod written;

pub use audit_sync::AuditSync;
pub use environment::environment;
pub use listener::{ClientSettings, ListenerSettings, ProxySettings, TlsSettings};
pub use needed::{
    AuditSettings, DenialSettings, Endpoint, IdentitySettings, Limits, OperationSettings, ResourceSettings,
    ResourceSource, Settings, UpstreamSettings,
};
