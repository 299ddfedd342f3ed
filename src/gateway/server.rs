//! Accepts connections under limits, and drains.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Journal, SinkFault};
use crate::envelope::unique_id;

use super::clock;
use super::connection;
use super::parts::Gateway;

/// After an error that only time cures: no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const SUMMARY_INTERVAL: Duration = Duration::from_secs(10);

/// Serves calls on `listener` until `shutdown` is cancelled; then takes no more of them, and returns when those on
/// their way are answered, or when none of them may take longer.
pub async fn run(listener: TcpListener, gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let limits = gateway.parts.limits;
    let slots = Arc::new(Semaphore::new(limits.connections));
    let peers = Arc::new(Peers { most: limits.connections_per_peer, open: Mutex::default() });
    let connections = TaskTracker::new();
    let drain = CancellationToken::new();
    let mut summaries = interval(SUMMARY_INTERVAL);
    summaries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepting = async {
            // A slot first: what cannot be served waits in the kernel's queue.
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, peer)| (slot, stream, peer))
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accepting => accepted,
            _ = summaries.tick() => {
                connections.spawn(summarize(Arc::clone(&gateway), Journal::summarize));
                continue;
            }
        };
        match accepted {
            Err(error) => {
                tracing::error!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            Ok((slot, stream, peer)) => {
                let Some(place) = peers.admit(peer.ip()) else {
                    tracing::debug!(%peer, "a peer has too many connections");
                    continue;
                };
                let (gateway, drain) = (Arc::clone(&gateway), drain.clone());
                connections.spawn(async move {
                    serve(stream, peer, gateway, drain).await;
                    drop((slot, place));
                });
            }
        }
    }
    drop(listener);
    drain.cancel();
    connections.close();
    if timeout(limits.call_timeout, connections.wait()).await.is_err() {
        tracing::warn!("connections were cut off: their calls took longer than any may");
    }
    summarize(gateway, Journal::close).await;
}

async fn serve(stream: TcpStream, peer: SocketAddr, gateway: Arc<Gateway>, drain: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a connection was gone before it began");
        return;
    }
    connection::serve(stream, peer, gateway, drain).await;
}

/// Elsewhere: a disk that is slow must not keep anybody from being accepted.
async fn summarize(gateway: Arc<Gateway>, write: fn(&Journal, String, Timestamp) -> Result<(), SinkFault>) {
    let written = spawn_blocking(move || write(&gateway.parts.journal, unique_id(), clock::now()));
    if !matches!(written.await, Ok(Ok(()))) {
        tracing::error!("the summary of refused attempts could not be written");
    }
}

/// Open connections by peer.
#[derive(Debug)]
struct Peers {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One peer's place; given back when it is dropped.
#[derive(Debug)]
struct Place {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { peers: Arc::clone(self), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}
