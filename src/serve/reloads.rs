//! Requests to read files again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// How often reloadable files are checked for changes.
const INTERVAL: Duration = Duration::from_secs(2);

/// Requests that a running gateway reads files again. After it is dropped, there are no more requests.
#[derive(Debug)]
pub struct ReloadTrigger(watch::Sender<u64>);

/// Receives requests to read files again. Each reloadable part has a clone.
#[derive(Clone, Debug)]
pub struct Reloads(watch::Receiver<u64>);

impl ReloadTrigger {
    /// Requests a reload, and logs the reason and what a reload covers. Returns at once; each part logs its own result.
    pub fn request(&self, why: &str) {
        tracing::info!("{why}: {READ_AGAIN}");
        self.0.send_modify(|requests| *requests += 1);
    }
}

impl Reloads {
    /// A trigger and its receiver. A request counts even if nothing is running yet.
    pub fn channel() -> (ReloadTrigger, Self) {
        let (sender, receiver) = watch::channel(0);
        (ReloadTrigger(sender), Self(receiver))
    }

    /// Without requests. TLS files and issuer keys are still checked every two seconds.
    pub fn never() -> Self {
        Self(watch::channel(0).1)
    }

    /// Waits for the next request; forever, if the trigger was dropped.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Calls `look_again` every few seconds, and at once at each request, until the shutdown. It receives its last
    /// result, and whether the check was requested. `what` names the files in the log, with their verb.
    pub(super) async fn keep_looking<T: Send + 'static>(
        mut self,
        mut files: T,
        what: &str,
        look_again: fn(T, bool) -> T,
        shutdown: CancellationToken,
    ) {
        loop {
            let requested = tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.next() => true,
                () = tokio::time::sleep(INTERVAL) => false,
            };
            match spawn_blocking(move || look_again(files, requested)).await {
                Ok(again) => files = again,
                Err(error) => return tracing::error!(%error, "{what} not read again until a restart"),
            }
        }
    }
}

/// The files that a reload covers, and those that it does not.
const READ_AGAIN: &str = "TLS files, issuer keys and the key sets of token issuers are read again; policies, account \
                          and resources files, the key ring, other secrets and the configuration are not: restart for \
                          those";
