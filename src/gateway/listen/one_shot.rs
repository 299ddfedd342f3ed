//! The listeners that do not serve calls: one request per connection, few and short connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::{Connections, Displaced, Share, Slot, accept};

/// A head here is one line and a few headers.
const LARGEST_HEAD: usize = 8 << 10;
/// How long a head may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may last.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);

/// Accepts connections until `shutdown` is cancelled, gives each a slot of `connections`, and serves it as one of
/// `tasks`.
pub(crate) async fn accept_each<F: Future<Output = ()> + Send + 'static>(
    listener: &TcpListener,
    connections: &Arc<Connections>,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr, Arc<Slot>) -> F + Send + Sync + 'static,
) {
    let serve = Arc::new(serve);
    // Never cancelled: these connections close after their only answer, so they need no draining.
    let drain = CancellationToken::new();
    let next = async || {
        let (stream, peer) = accept(listener, connections).await;
        let entry = connections.admit(peer.ip(), Share::Counted, &drain).ok()?;
        Some((stream, peer, entry))
    };
    while let Some(admitted) = shutdown.run_until_cancelled(next()).await {
        let Some((stream, peer, entry)) = admitted else { continue };
        let serve = Arc::clone(&serve);
        tasks.spawn(async move {
            let Ok(slot) = entry.slot().await else { return };
            let serving = serve(stream, peer, Arc::clone(&slot));
            let _ = timeout(LONGEST, slot.end().run_until_cancelled(serving)).await;
        });
    }
}

/// Answers the only request of a connection.
///
/// # Errors
/// The connection failed before its answer was sent.
pub(crate) async fn answer_one<A: Future<Output = Response<Full<Bytes>>>>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    slot: &Slot,
    answer: impl Fn(Request<Incoming>) -> A,
) -> hyper::Result<()> {
    let service = service_fn(|request| {
        let answered = slot.answers().map(|()| answer(request));
        async move {
            match answered {
                Ok(answered) => Ok::<_, Infallible>(answered.await),
                // The end of the slot is cancelled, so the caller of this function drops the connection.
                Err(Displaced) => std::future::pending().await,
            }
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LARGEST_HEAD).keep_alive(false);
    http.serve_connection(TokioIo::new(stream), service).await
}
