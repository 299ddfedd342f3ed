//! Listeners beside the one for calls: one request a connection, few of them at once, and none that lasts.

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
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::server::{ACCEPT_PAUSE, accept};

/// A head here is one line and a few headers.
const LARGEST_HEAD: usize = 8 << 10;
/// For a head.
const PATIENCE: Duration = Duration::from_secs(10);
/// For a connection.
pub(super) const LONGEST: Duration = Duration::from_secs(20);

/// Accepts connections until `shutdown`, so many at once, and leaves those that are open to `connections`.
pub(super) async fn accept_each<F: Future<Output = ()> + Send + 'static>(
    listener: &TcpListener,
    at_once: usize,
    connections: &TaskTracker,
    shutdown: &CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr) -> F,
) {
    let slots = Arc::new(Semaphore::new(at_once));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = accept(listener, &slots) => accepted,
        };
        let Ok((slot, stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let serving = serve(stream, peer);
        connections.spawn(async move {
            let _ = timeout(LONGEST, serving).await;
            drop(slot);
        });
    }
}

/// Answers the one request of a connection.
///
/// # Errors
/// A connection that ended before its answer.
pub(super) async fn answer_one<A: Future<Output = Response<Full<Bytes>>>>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: impl Fn(Request<Incoming>) -> A,
) -> hyper::Result<()> {
    let service = service_fn(|request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LARGEST_HEAD).keep_alive(false);
    http.serve_connection(TokioIo::new(stream), service).await
}
