//! Accepts connections, and drains them at shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Journal, SinkError};
use crate::envelope::unique_id;

use super::connection;
use super::connections::{Share, Slot, accept};
use super::handshake::{HandshakeError, announced, shake_hands};
use crate::gateway::parts::Gateway;
use crate::gateway::{clock, upstream};

const SUMMARY_INTERVAL: Duration = Duration::from_secs(10);

/// Serves calls on `listener` until `shutdown` is cancelled. Then accepts no more connections, and returns when the
/// calls in progress are answered or `limits.call_timeout` has passed.
pub async fn run(listener: TcpListener, gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let limits = gateway.parts.front.limits;
    let slots = Arc::clone(&gateway.listeners.calls);
    let connections = TaskTracker::new();
    let drain = CancellationToken::new();
    tokio::spawn(upstream::watch(Arc::clone(&gateway), shutdown.clone()));
    let mut summaries = interval(SUMMARY_INTERVAL);
    summaries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            // Polled before the listener, which may be ready without a pause.
            _ = summaries.tick() => {
                gateway.listeners.all().iter().for_each(|connections| connections.report());
                gateway.refusal_log.report(Some(clock::steady()));
                connections.spawn(summarize(Arc::clone(&gateway), Journal::summarize));
                continue;
            }
            accepted = accept(&listener, &slots) => accepted,
        };
        // A trusted proxy's connections belong to its callers: each is counted once its caller is known.
        let trusted = gateway.parts.front.proxies.trusted.contains(peer.ip());
        let share = if trusted { Share::Shared } else { Share::Counted };
        let Ok(entry) = slots.admit(peer.ip(), share, &drain) else { continue };
        let gateway = Arc::clone(&gateway);
        connections.spawn(async move {
            let Ok(slot) = entry.slot().await else { return };
            if let Err(why) = serve(stream, peer, &gateway, &slot).await {
                tracing::debug!(%peer, %why, "a connection ended before its first call");
                if let Some(reason) = why.reason() {
                    slot.turned_away(reason, peer.ip());
                }
            }
        });
    }
    drop(listener);
    drain.cancel();
    connections.close();
    if timeout(limits.call_timeout, connections.wait()).await.is_err() {
        tracing::warn!("connections were closed at shutdown with calls in progress: `limits.call_timeout` has passed");
    }
    gateway.listeners.all().iter().for_each(|connections| connections.report());
    gateway.refusal_log.report(None);
    summarize(gateway, Journal::close).await;
}

async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    gateway: &Arc<Gateway>,
    slot: &Arc<Slot>,
) -> Result<(), HandshakeError> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
    }
    let begin = async {
        let address = announced(&mut stream, peer, gateway).await?;
        let counted = gateway.parts.front.proxies.trusted.contains(address) || address == peer.ip().to_canonical();
        if !counted {
            slot.announce(address).map_err(HandshakeError::TooMany)?;
        }
        shake_hands(stream, peer, address, Arc::clone(slot), gateway).await
    };
    // No call was received yet, so the connection can be dropped when it is displaced or the server stops.
    let Some(begun) = slot.end().run_until_cancelled(begin).await else { return Ok(()) };
    let (stream, peer) = begun?;
    connection::serve(stream, peer, Arc::clone(gateway)).await;
    Ok(())
}

/// Writes the counted refusals to the journal, each line with an id of its own.
type Summarize = fn(&Journal, fn() -> String, Timestamp) -> Result<(), SinkError>;

/// Writes on a blocking thread, because a slow disk must not delay accepting connections.
async fn summarize(gateway: Arc<Gateway>, write: Summarize) {
    let written = spawn_blocking(move || write(&gateway.parts.journal, unique_id, clock::now()));
    if !matches!(written.await, Ok(Ok(()))) {
        tracing::error!("the summary of refused attempts could not be written");
    }
}
