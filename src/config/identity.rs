//! `[identity]`: the window in which a signed call is good, and the memory of what was accepted.

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
    /// In files, which outlive the process: at that path, or beside the audit log.
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
    pub(super) fn identity(&mut self, written: RawIdentity, defaults: &IdentitySettings) -> IdentitySettings {
        let skew = written.clock_skew.map_or(defaults.clock_skew, |skew| skew.get_ref().0);
        let span = written.nonce_memory.as_ref().map_or(defaults.nonces.span, |memory| memory.get_ref().0);
        if span < skew * 2 {
            let at = written.nonce_memory.map_or(0..0, |memory| memory.span());
            let title = "`nonce_memory` is shorter than twice `clock_skew`: a call could be replayed";
            self.complain(at, title, "make it at least twice as long");
        }
        let share = written.nonce_share.map_or(defaults.nonces.share, |share| {
            let value = *share.get_ref();
            if !(value > 0.0 && value <= 1.0) {
                self.complain(share.span(), "`nonce_share` is no share", "give a number above 0, at most 1");
            }
            value
        });
        let capacity = self.at_least_one(written.nonce_capacity, defaults.nonces.capacity);
        let nonce_store = self.nonce_store(written.nonce_store.as_ref(), written.nonce_path);
        IdentitySettings { clock_skew: skew, nonces: NonceLimits { span, capacity, share }, nonce_store }
    }

    fn nonce_store(&mut self, store: Option<&Spanned<String>>, path: Option<Spanned<PathBuf>>) -> NonceStore {
        match store.map(|store| store.get_ref().as_str()) {
            // `redis` is refused by name elsewhere.
            None | Some("file" | "redis") => NonceStore::File(path.map(|path| self.folder.join(path.into_inner()))),
            Some("memory") => {
                if let Some(path) = path {
                    let title = "`nonce_path` is where `nonce_store = \"file\"` writes, and the store is `memory`";
                    self.complain(path.span(), title, "remove one of the two");
                }
                NonceStore::Memory
            }
            Some(other) => {
                let title = format!("unknown value `{other}` for `nonce_store`");
                self.complain(store.map_or(0..0, Spanned::span), &title, &possible(other, &["file", "memory"]));
                NonceStore::Memory
            }
        }
    }
}
