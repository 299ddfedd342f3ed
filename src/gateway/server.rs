//! Accepts connections under limits, and drains.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{Journal, SinkFault};
use crate::envelope::unique_id;

use super::clock;
use super::connection;
use super::key_watch;
use super::parts::Gateway;
use super::welcome::{Unwelcome, announced, welcome};

/// After an error that only time cures: no file descriptors left.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const SUMMARY_INTERVAL: Duration = Duration::from_secs(10);

/// Takes a slot, and a connection for it: what cannot be served waits in the kernel's queue.
pub(super) async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    listener.accept().await.map(|(stream, peer)| (slot, stream, peer))
}

/// Serves calls on `listener` until `shutdown` is cancelled; then takes no more of them, and returns when those on
/// their way are answered, or when none of them may take longer.
pub async fn run(listener: TcpListener, gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let limits = gateway.parts.limits;
    let slots = Arc::new(Semaphore::new(limits.connections));
    let peers = Arc::new(Peers { most: limits.source.connections, open: Mutex::default() });
    let connections = TaskTracker::new();
    let drain = CancellationToken::new();
    tokio::spawn(key_watch::watch(Arc::clone(&gateway), shutdown.clone()));
    let mut summaries = interval(SUMMARY_INTERVAL);
    summaries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
            _ = summaries.tick() => {
                tell_of_the_turned_away(&gateway);
                gateway.refusal_log.tell(Some(clock::steady()));
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
                // A trusted proxy's connections are other people's: they are counted when it is known whose.
                let place = match gateway.parts.proxies.trusted.contains(peer.ip()) {
                    true => None,
                    false => match peers.admit(peer.ip()) {
                        Some(place) => Some(place),
                        None => {
                            gateway.turned_away_ever.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                    },
                };
                let (gateway, peers, drain) = (Arc::clone(&gateway), Arc::clone(&peers), drain.clone());
                connections.spawn(async move {
                    if let Err(why) = serve(stream, peer, &gateway, &peers, drain).await {
                        tracing::debug!(%peer, %why, "a connection ended before its first call");
                        gateway.turned_away.fetch_add(1, Ordering::Relaxed);
                        gateway.turned_away_ever.fetch_add(1, Ordering::Relaxed);
                    }
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
    gateway.refusal_log.tell(None);
    summarize(gateway, Journal::close).await;
}

async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    gateway: &Arc<Gateway>,
    peers: &Arc<Peers>,
    drain: CancellationToken,
) -> Result<(), Unwelcome> {
    stream.set_nodelay(true)?;
    let begin = async {
        let address = announced(&mut stream, peer, gateway).await?;
        // A peer of its own is counted since it was accepted.
        let counted = gateway.parts.proxies.trusted.contains(address) || address == peer.ip().to_canonical();
        let place = if counted { None } else { Some(peers.admit(address).ok_or(Unwelcome::TooMany)?) };
        let (stream, neighbour) = welcome(stream, peer, address, gateway).await?;
        Ok::<_, Unwelcome>((stream, neighbour, place))
    };
    // Nothing has been asked yet, so a server that stops owes nothing.
    let Some(begun) = drain.run_until_cancelled(begin).await else { return Ok(()) };
    let (stream, neighbour, place) = begun?;
    connection::serve(stream, neighbour, Arc::clone(gateway), drain).await;
    drop(place);
    Ok(())
}

/// One line for all of them: whoever makes them could make any number.
fn tell_of_the_turned_away(gateway: &Gateway) {
    let connections = gateway.turned_away.swap(0, Ordering::Relaxed);
    if connections > 0 {
        tracing::info!(connections, "ended before their first call: in the TLS handshake or the PROXY header");
    }
}

/// Elsewhere: a disk that is slow must not keep anybody from being accepted.
async fn summarize(gateway: Arc<Gateway>, write: fn(&Journal, fn() -> String, Timestamp) -> Result<(), SinkFault>) {
    let written = spawn_blocking(move || write(&gateway.parts.journal, unique_id, clock::now()));
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
            tracing::debug!(%peer, "a peer has too many connections");
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
