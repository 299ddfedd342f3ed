//! `[identity]`: how old a signed call may be, and how its nonce is remembered.

use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use crate::identity::NonceLimits;
use crate::text::possible;

use super::duration;
use super::issuer::RawIssuer;
use super::reader::Reader;
use super::tokens::RawJwt;

#[derive(Clone, Debug)]
pub struct IdentitySettings {
    pub clock_skew: Duration,
    pub nonces: NonceLimits,
    pub nonce_store: NonceStore,
}

/// Where the nonces of accepted calls are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NonceStore {
    /// In files, which survive a restart: at this path, or beside the audit log.
    File(Option<PathBuf>),
    /// In memory: a restart forgets them.
    Memory,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawIdentity {
    pub(super) clock_skew: Option<Spanned<duration::RawDuration>>,
    pub(super) nonce_memory: Option<Spanned<duration::RawDuration>>,
    pub(super) nonce_store: Option<Spanned<String>>,
    pub(super) nonce_path: Option<Spanned<PathBuf>>,
    pub(super) nonce_capacity: Option<Spanned<usize>>,
    pub(super) nonce_share: Option<Spanned<f64>>,
    pub(super) jwt: Vec<RawJwt>,
    pub(super) issuer: Option<Spanned<RawIssuer>>,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            clock_skew: Duration::from_secs(15 * 60),
            nonces: NonceLimits { span: Duration::from_secs(31 * 60), capacity: 8_388_608, share: 0.5 },
            nonce_store: NonceStore::File(None),
        }
    }
}

impl Reader<'_> {
    pub(super) fn identity(&mut self, raw: RawIdentity, defaults: &IdentitySettings) -> IdentitySettings {
        let skew = raw.clock_skew.map_or(defaults.clock_skew, |skew| skew.get_ref().0);
        let span = raw.nonce_memory.as_ref().map_or(defaults.nonces.span, |memory| memory.get_ref().0);
        if span < skew * 2 {
            let at = raw.nonce_memory.map_or(0..0, |memory| memory.span());
            let title = "`nonce_memory` is shorter than twice `clock_skew`: a call could be replayed";
            self.report(at, title, "make it at least twice `clock_skew`");
        }
        let share = raw.nonce_share.map_or(defaults.nonces.share, |share| {
            let value = *share.get_ref();
            if !(value > 0.0 && value <= 1.0) {
                self.report(share.span(), "`nonce_share` is out of range", "give a number above 0 and at most 1");
            }
            value
        });
        let capacity = self.at_least_one(raw.nonce_capacity, defaults.nonces.capacity);
        let nonce_store = self.nonce_store(raw.nonce_store.as_ref(), raw.nonce_path);
        IdentitySettings { clock_skew: skew, nonces: NonceLimits { span, capacity, share }, nonce_store }
    }

    fn nonce_store(&mut self, store: Option<&Spanned<String>>, path: Option<Spanned<PathBuf>>) -> NonceStore {
        match store.map(|store| store.get_ref().as_str()) {
            // `unsupported` has already reported `redis`.
            None | Some("file" | "redis") => NonceStore::File(path.map(|path| self.folder.join(path.into_inner()))),
            Some("memory") => {
                if let Some(path) = path {
                    let title = "`nonce_path` is set, but `nonce_store = \"memory\"` writes no file";
                    self.report(path.span(), title, "remove one of the two");
                }
                NonceStore::Memory
            }
            Some(other) => {
                let title = format!("unknown value `{other}` for `nonce_store`");
                self.report(store.map_or(0..0, Spanned::span), &title, &possible(other, &["file", "memory"]));
                NonceStore::Memory
            }
        }
    }
}
