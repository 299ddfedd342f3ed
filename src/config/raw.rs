//! The keys of `ramgate.toml` as written, before they are checked. Unknown keys are refused.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::{Spanned, Value};

use super::admin::RawAdmin;
use super::audit::RawAudit;
use super::duration;
use super::identity::RawIdentity;
use super::limits::RawLimits;
use super::listener::RawTls;
use super::operations::RawOperations;
use super::own_key::RawKey;
use super::products::RawProduct;
use super::region_alias::RawAliases;

/// A key whose feature this version lacks: it is parsed so that the error can name it.
pub(super) type Unsupported = Option<Spanned<Value>>;

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSettings {
    pub(super) schema: Option<Spanned<u32>>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) hosts: Vec<Spanned<String>>,
    pub(super) replica: String,
    pub(super) policies: Option<Vec<PathBuf>>,
    pub(super) keyring: Option<PathBuf>,
    pub(super) admin: Option<RawAdmin>,
    pub(super) upstream: Option<Spanned<RawUpstream>>,
    pub(super) product: Vec<Spanned<RawProduct>>,
    pub(super) identity: RawIdentity,
    pub(super) denial: RawDenial,
    pub(super) operations: RawOperations,
    pub(super) audit: RawAudit,
    pub(super) resources: RawResources,
    pub(super) shadow: Unsupported,
    pub(super) limits: RawLimits,
    pub(super) tls: Option<Spanned<RawTls>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawUpstream {
    pub(super) url: Option<Spanned<String>>,
    pub(super) regions: Vec<Spanned<String>>,
    pub(super) region_aliases: RawAliases,
    pub(super) signing: Option<Spanned<String>>,
    pub(super) access_key_id: Option<Spanned<String>>,
    pub(super) secret_env: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_command: Option<Vec<String>>,
    pub(super) instance_role: Option<Spanned<String>>,
    pub(super) metadata_url: Option<Spanned<String>>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) timeout: Option<duration::RawDuration>,
    pub(super) key: Vec<Spanned<RawKey>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawDenial {
    pub(super) code: Option<Spanned<String>>,
    pub(super) detail: Option<bool>,
    pub(super) recommend: Option<Spanned<String>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawResources {
    pub(super) source: Option<Spanned<String>>,
    pub(super) cache: Option<duration::RawDurationOrZero>,
    pub(super) cache_entries: Option<Spanned<usize>>,
}
