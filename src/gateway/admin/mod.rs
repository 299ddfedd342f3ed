//! Health and metrics, on a listener of their own: no path is special where calls are taken.
//!
//! Nothing here is secret, and nothing that a caller chose is repeated; but it is told to whoever can connect.

mod metrics;
mod ready;
mod space;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::audit::LogStatus;

use super::clock;
use super::parts::Gateway;

pub use space::LogSpace;

const CONNECTIONS: usize = 32;
const LARGEST_HEAD: usize = 8 << 10;
const PATIENCE: Duration = Duration::from_secs(10);
/// A log that does not even say how it is doing is not ready.
const LOG_PATIENCE: Duration = Duration::from_secs(2);
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves `/healthz`, `/readyz` and `/metrics` until `shutdown`.
pub async fn serve_admin(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    space: Arc<LogSpace>,
    shutdown: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepting = async {
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(std::io::Error::other)?;
            listener.accept().await.map(|(stream, _)| (slot, stream))
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = accepting => accepted,
        };
        let Ok((slot, stream)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (gateway, space) = (Arc::clone(&gateway), Arc::clone(&space));
        tokio::spawn(async move {
            // One request a connection, and no longer than that may take.
            let _ = timeout(PATIENCE * 2, serve(stream, &gateway, &space)).await;
            drop(slot);
        });
    }
}

async fn serve(stream: TcpStream, gateway: &Arc<Gateway>, space: &LogSpace) {
    let service =
        service_fn(
            |request: Request<Incoming>| async move { Ok::<_, Infallible>(answer(&request, gateway, space).await) },
        );
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LARGEST_HEAD).keep_alive(false);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "an administrator's connection ended early");
    }
}

async fn answer(request: &Request<Incoming>, gateway: &Arc<Gateway>, space: &LogSpace) -> Response<Full<Bytes>> {
    if *request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is known here\n".to_owned());
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => match ready::reason(gateway, status(gateway).await.as_ref(), clock::now()) {
            None => text(StatusCode::OK, "ready\n".to_owned()),
            Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
        "/metrics" => text(StatusCode::OK, metrics::text(gateway, status(gateway).await.as_ref(), space, clock::now())),
        _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n".to_owned()),
    }
}

/// How the log is doing; none when it does not say, because whoever writes waits for a disk.
async fn status(gateway: &Arc<Gateway>) -> Option<LogStatus> {
    let journal = Arc::clone(&gateway.parts.journal);
    timeout(LOG_PATIENCE, spawn_blocking(move || journal.status())).await.ok()?.ok()
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
