//! The keys of token issuers, read off the path of any call and kept when a later reading fails.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::is_protected_url;
use crate::identity::{KeySource, TokenKeys};
use crate::store::read_bounded;

use super::http::fetch;

/// Between two readings that unknown keys ask for, where the keys are not read more often anyway: whoever invents key
/// ids must not be able to hammer an issuer.
const LEAST_INTERVAL: Duration = Duration::from_secs(30);
/// How long a call waits for a reading that may know its key.
const PATIENCE: Duration = Duration::from_secs(5);
const LARGEST_FILE: u64 = 256 << 10;

/// Where a set of keys is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    File(PathBuf),
    /// `https`, or `http` on loopback.
    Url(String),
    /// The `jwks_uri` of the issuer's discovery document (OpenID Connect Discovery 1.0, 4).
    Discovery,
}

/// One issuer's keys.
pub struct IssuerKeys {
    issuer: Arc<str>,
    place: KeyPlace,
    tls: rustls::ClientConfig,
    refresh: Duration,
    current: RwLock<Option<Arc<TokenKeys>>>,
    /// When the last reading began. Held while one goes on, so that there is one at a time.
    reading: Mutex<Option<Instant>>,
    wanted: Notify,
    done: Notify,
}

impl IssuerKeys {
    /// `refresh` is how old the keys may become.
    pub fn new(issuer: Arc<str>, place: KeyPlace, tls: rustls::ClientConfig, refresh: Duration) -> Self {
        Self {
            issuer,
            place,
            tls,
            refresh,
            current: RwLock::new(None),
            reading: Mutex::new(None),
            wanted: Notify::new(),
            done: Notify::new(),
        }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Reads the keys now.
    ///
    /// # Errors
    /// In words, why there are none; those that were read before stay in force.
    pub async fn read(&self) -> Result<(), String> {
        let mut began = self.reading.lock().await;
        *began = Some(Instant::now());
        let read = self.text().await.and_then(|text| TokenKeys::read(&text).map_err(|fault| fault.to_string()));
        let keys = read.map_err(|why| format!("the keys of `{}` cannot be read: {why}", self.issuer))?;
        tracing::debug!(issuer = %self.issuer, keys = keys.len(), "read an issuer's keys");
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
        Ok(())
    }

    /// Keeps the keys fresh until it is told to stop.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.refresh) => false,
                () = self.wanted.notified() => true,
            };
            let last = *self.reading.lock().await;
            let least = LEAST_INTERVAL.min(self.refresh / 2);
            let due = !asked || last.is_none_or(|last| last.elapsed() >= least);
            if due && let Err(why) = self.read().await {
                tracing::warn!("{why}");
            }
            self.done.notify_waiters();
        }
    }

    /// Asks for a new reading, and waits for its end or for long enough. Calls that ask at once wait for one.
    pub(crate) async fn refreshed(&self) {
        let mut done = pin!(self.done.notified());
        // From here on an end is not missed, however soon it comes.
        done.as_mut().enable();
        self.wanted.notify_one();
        // A reading that takes longer is not this call's.
        let _ = timeout(PATIENCE, done).await;
    }

    async fn text(&self) -> Result<String, String> {
        match &self.place {
            KeyPlace::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_bounded(&path, LARGEST_FILE));
                let bytes = read.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
            }
            KeyPlace::Url(url) => fetch(url, self.tls.clone()).await,
            KeyPlace::Discovery => {
                let place = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
                let document = fetch(&place, self.tls.clone()).await?;
                fetch(&jwks_uri(&document, &self.issuer)?, self.tls.clone()).await
            }
        }
    }
}

/// The place of the keys, as the issuer's own document says it.
fn jwks_uri(document: &str, issuer: &str) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: String,
    }
    let document: Document =
        serde_json::from_str(document).map_err(|error| format!("its discovery document is malformed: {error}"))?;
    if document.issuer != issuer {
        return Err("its discovery document is that of another issuer".to_owned());
    }
    if !is_protected_url(&document.jwks_uri) {
        return Err("its discovery document names keys that are not on https".to_owned());
    }
    Ok(document.jwks_uri)
}

/// What the judge of tokens sees of them.
#[derive(Debug)]
pub struct SharedKeys(pub Arc<IssuerKeys>);

impl KeySource for SharedKeys {
    fn current(&self) -> Option<Arc<TokenKeys>> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerKeys").field("issuer", &self.issuer).field("place", &self.place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discovery_document_speaks_for_its_own_issuer_alone() {
        let document = |issuer: &str, keys: &str| format!("{{\"issuer\":\"{issuer}\",\"jwks_uri\":\"{keys}\"}}");
        let (issuer, keys) = ("https://issuer.example", "https://issuer.example/keys");
        assert_eq!(jwks_uri(&document(issuer, keys), issuer).unwrap(), keys);
        for wrong in [
            document("https://issuer.example/", keys),
            document("https://other.example", keys),
            document(issuer, "http://issuer.example/keys"),
            "{}".to_owned(),
            String::new(),
        ] {
            assert!(jwks_uri(&wrong, issuer).is_err(), "{wrong}");
        }
    }
}
