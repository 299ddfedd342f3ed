//! Requests to read files again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// How often files that may change are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Asks a running gateway to read files again. Dropped, it asks no more.
#[derive(Debug)]
pub struct ReloadTrigger(watch::Sender<u64>);

/// Requests to read files again, as every part receives them that can.
#[derive(Clone, Debug)]
pub struct Reloads(watch::Receiver<u64>);

impl ReloadTrigger {
    /// Asks for a reload, and logs why and what it covers. Returns at once; each part logs its own result.
    pub fn request(&self, why: &str) {
        tracing::info!("{why}: {READ_AGAIN}");
        self.0.send_modify(|requests| *requests += 1);
    }
}

impl Reloads {
    /// Requests, and where to make them. A request counts even if nothing is running yet.
    pub fn channel() -> (ReloadTrigger, Self) {
        let (sender, receiver) = watch::channel(0);
        (ReloadTrigger(sender), Self(receiver))
    }

    /// No requests: TLS files and issuer keys are still looked at every two seconds.
    pub fn never() -> Self {
        Self(watch::channel(0).1)
    }

    /// The next request. Pends forever once no more can come.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Has `look_again` read files every few seconds, and at once at each request, until the shutdown. It gets what it
    /// returned last, and whether a request asked for it. `what` names the files in the log, with their verb.
    pub(super) async fn keep_looking<T: Send + 'static>(
        mut self,
        mut files: T,
        what: &str,
        look_again: fn(T, bool) -> T,
        shutdown: CancellationToken,
    ) {
        loop {
            let asked = tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.next() => true,
                () = tokio::time::sleep(INTERVAL) => false,
            };
            match spawn_blocking(move || look_again(files, asked)).await {
                Ok(again) => files = again,
                Err(error) => return tracing::error!(%error, "{what} not read again until a restart"),
            }
        }
    }
}

/// What a reload covers, and what it does not.
const READ_AGAIN: &str = "TLS files, issuer keys and the key sets of token issuers are read again; policies, account and \
                          resources files, the key ring, other secrets and the configuration are not: restart for those";
