//! The configuration: as it is written, and as it is needed. A configuration that was read can run.
//!
//! Must not know: how anything it configures works. Reads no file: whoever does hands it the text.

mod admin;
mod audit;
mod audit_sinks;
mod byte_size;
mod denial;
mod duration;
mod environment;
mod identity;
mod instance_role;
mod issuer;
mod limits;
mod listener;
mod mistake;
mod naming;
mod needed;
mod operations;
mod own_key;
mod products;
mod protected_url;
mod region_alias;
mod signing;
mod tokens;
mod unbuilt;
mod written;

pub use admin::AdminSettings;
pub use audit::{AuditSettings, AuditSync, CheckpointFile, RotationSettings};
pub use audit_sinks::{HttpSettings, StdoutSettings};
#[cfg(feature = "gateway")]
pub(crate) use duration::number_and_unit;
pub use duration::parse_duration;
pub use environment::environment;
pub use identity::{IdentitySettings, NonceStore};
pub use instance_role::InstanceRoleSettings;
pub use issuer::{CredentialsSettings, ExchangeSettings, IssuerSettings, UriSettings};
pub use limits::{Given, HolderLimits, Limits};
pub use listener::{ClientSettings, ListenerSettings, ProxySettings, TlsSettings};
pub use naming::{Naming, naming};
pub use needed::{DenialSettings, Endpoint, ResourceSettings, ResourceSource, Settings, UpstreamSettings};
pub use operations::{OperationSettings, OtherOperations, TrunkEni};
pub use own_key::{OwnKey, OwnKeys};
pub use products::ProductSettings;
pub use protected_url::is_protected_url;
pub use region_alias::RegionAliases;
pub use signing::Signing;
pub use tokens::{MappedSubject, TokenKeysPlace, TokenSettings};
