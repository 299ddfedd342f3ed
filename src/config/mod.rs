//! The configuration: as it is written (`raw`), and as the gateway uses it (`settings`), checked.
//!
//! Must not know: how anything it configures works; files, since callers pass in the text.

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
mod operations;
mod own_key;
mod products;
mod protected_url;
mod raw;
mod reader;
mod region_alias;
mod settings;
mod signing;
mod tokens;
mod unsupported;

pub use admin::AdminSettings;
pub use audit::{AuditSettings, AuditSync, CheckpointFile, RotationSettings};
pub use audit_sinks::{HttpSettings, StdoutSettings};
pub(crate) use duration::number_and_unit;
pub use duration::parse_duration;
pub use environment::environment;
pub use identity::{IdentitySettings, NonceStore};
pub use instance_role::InstanceRoleSettings;
pub use issuer::{CredentialsSettings, ExchangeSettings, IssuerSettings, UriSettings};
pub use limits::{Given, HolderLimits, Limits};
pub use listener::{ClientSettings, ListenerSettings, ProxySettings, TlsSettings};
pub use naming::{Naming, naming};
pub use operations::{OperationSettings, OtherOperations, TrunkEni};
pub use own_key::{OwnKey, OwnKeys};
pub use products::ProductSettings;
pub use protected_url::is_protected_url;
pub use region_alias::RegionAliases;
pub use settings::{DenialSettings, Endpoint, ResourceSettings, ResourceSource, Settings, UpstreamSettings};
pub use signing::Signing;
pub use tokens::{MappedSubject, TokenKeysPlace, TokenSettings};
