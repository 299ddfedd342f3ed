//! The keys of token issuers. They are read outside the path of calls, and kept when a later reading fails.

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

/// The shortest interval between two readings that unknown key ids cause, unless half of the refresh interval is
/// shorter: an attacker who invents key ids must not be able to flood an issuer with requests.
const LEAST_INTERVAL: Duration = Duration::from_secs(30);
/// How long a call waits for a reading that may know its key.
const PATIENCE: Duration = Duration::from_secs(5);
/// In bytes.
const LARGEST_FILE: u64 = 256 << 10;

/// Where a set of keys is read.
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
    /// When the last reading began. The lock is held during a reading, so that there is only one at a time.
    reading: Mutex<Option<Instant>>,
    wanted: Notify,
    done: Notify,
}

impl IssuerKeys {
    /// An issuer whose keys have not been read yet. `refresh` is how old the keys may become.
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
    /// A description of why the keys cannot be read; the previous keys stay in force.
    pub async fn read(&self) -> Result<(), String> {
        let mut began = self.reading.lock().await;
        *began = Some(Instant::now());
        let read = self.text().await.and_then(|text| TokenKeys::read(&text).map_err(|error| error.to_string()));
        let keys = read.map_err(|why| format!("the keys of `{}` cannot be read: {why}", self.issuer))?;
        tracing::debug!(issuer = %self.issuer, keys = keys.len(), "read an issuer's keys");
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
        Ok(())
    }

    /// Reads the keys regularly, and when a call with an unknown key id asks for it, until `stop`.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let requested = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.refresh) => false,
                () = self.wanted.notified() => true,
            };
            let last = *self.reading.lock().await;
            let least = LEAST_INTERVAL.min(self.refresh / 2);
            let due = !requested || last.is_none_or(|last| last.elapsed() >= least);
            if due && let Err(why) = self.read().await {
                tracing::warn!("{why}");
            }
            self.done.notify_waiters();
        }
    }

    /// Asks for a new reading, and waits until it ends, but not longer than `PATIENCE`. Calls that ask at the same time
    /// wait for the same reading.
    pub(crate) async fn refreshed(&self) {
        let mut done = pin!(self.done.notified());
        // Registered before the request, so that even an immediate end of the reading is noticed.
        done.as_mut().enable();
        self.wanted.notify_one();
        // After a timeout the call continues with the keys that are known.
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

/// The URL of the keys in the issuer's discovery document.
fn jwks_uri(document: &str, issuer: &str) -> Result<String, String> {
    #[derive(serde::Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: String,
    }
    let document: Document =
        serde_json::from_str(document).map_err(|error| format!("its discovery document is malformed: {error}"))?;
    if document.issuer != issuer {
        return Err("its discovery document names a different issuer".to_owned());
    }
    if !is_protected_url(&document.jwks_uri) {
        return Err("the `jwks_uri` of its discovery document is not an https URL".to_owned());
    }
    Ok(document.jwks_uri)
}

/// The keys of an issuer as a source for token verification.
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
    fn a_discovery_document_counts_only_for_its_own_issuer() {
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
