//! `ramgate.toml` as a person writes it (design 5.3): every key that is fixed there, and no other.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::{Spanned, Value};

use super::admin::WrittenAdmin;
use super::audit::WrittenAudit;
use super::duration;
use super::identity::WrittenIdentity;
use super::limits::WrittenLimits;
use super::listener::WrittenTls;
use super::own_key::WrittenKey;
use super::products::WrittenProduct;
use super::region_alias::WrittenAliases;

/// A key whose feature is not built: it is known, and refused by name.
pub(super) type Unbuilt = Option<Spanned<Value>>;

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenSettings {
    pub(super) schema: Option<Spanned<u32>>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) hosts: Vec<Spanned<String>>,
    pub(super) replica: String,
    pub(super) policies: Option<Vec<PathBuf>>,
    pub(super) keyring: Option<PathBuf>,
    pub(super) admin: Option<WrittenAdmin>,
    pub(super) upstream: Option<Spanned<WrittenUpstream>>,
    pub(super) product: Vec<Spanned<WrittenProduct>>,
    pub(super) identity: WrittenIdentity,
    pub(super) denial: WrittenDenial,
    pub(super) operations: WrittenOperations,
    pub(super) audit: WrittenAudit,
    pub(super) resources: WrittenResources,
    pub(super) shadow: Unbuilt,
    pub(super) limits: WrittenLimits,
    pub(super) tls: Option<Spanned<WrittenTls>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenUpstream {
    pub(super) url: Option<Spanned<String>>,
    pub(super) regions: Vec<Spanned<String>>,
    pub(super) region_aliases: WrittenAliases,
    pub(super) signing: Option<Spanned<String>>,
    pub(super) access_key_id: Option<Spanned<String>>,
    pub(super) secret_env: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_command: Option<Vec<String>>,
    pub(super) instance_role: Option<Spanned<String>>,
    pub(super) metadata_url: Option<Spanned<String>>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) timeout: Option<duration::Written>,
    pub(super) key: Vec<Spanned<WrittenKey>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenDenial {
    pub(super) code: Option<Spanned<String>>,
    pub(super) detail: Option<bool>,
    pub(super) recommend: Option<Spanned<String>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenOperations {
    pub(super) other: Option<Spanned<String>>,
    pub(super) accept_root: bool,
    pub(super) trunk: Option<Spanned<String>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenResources {
    pub(super) source: Option<Spanned<String>>,
    pub(super) cache: Option<duration::WrittenOrZero>,
    pub(super) cache_entries: Option<Spanned<usize>>,
}
