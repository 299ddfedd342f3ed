//! Health and metrics, on a separate listener, so that no path is special on the listener for calls.
//!
//! Clients need not authenticate. Answers therefore contain neither secrets nor values that a caller chose.

mod metrics;
mod ready;
mod space;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::LogStatus;

use crate::gateway::clock;
use crate::gateway::listen::{accept_each, answer_one};
use crate::gateway::parts::Gateway;

pub use metrics::ChangedFiles;
pub use space::LogSpace;

/// A log that does not report its status in this time counts as not ready.
const LOG_PATIENCE: Duration = Duration::from_secs(2);
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves `/healthz`, `/readyz` and `/metrics` until `shutdown`.
pub async fn serve_admin(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    space: Arc<LogSpace>,
    files: Arc<ChangedFiles>,
    shutdown: CancellationToken,
) {
    // The shutdown does not wait for these connections.
    let tasks = TaskTracker::new();
    let connections = Arc::clone(&gateway.listeners.admin);
    accept_each(&listener, &connections, &tasks, &shutdown, move |stream, _, slot| {
        let (gateway, space, files) = (Arc::clone(&gateway), Arc::clone(&space), Arc::clone(&files));
        async move {
            let (gateway, space, files) = (&gateway, &space, &files);
            let served =
                answer_one(stream, &slot, |request| async move { answer(&request, gateway, space, files).await });
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection for health and metrics ended early");
            }
        }
    })
    .await;
}

async fn answer(
    request: &Request<Incoming>,
    gateway: &Arc<Gateway>,
    space: &LogSpace,
    files: &ChangedFiles,
) -> Response<Full<Bytes>> {
    if *request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "this listener accepts only GET\n".to_owned());
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => match ready::reason(gateway, status(gateway).await.as_ref(), clock::now()) {
            None => match ready::degraded(gateway) {
                degraded if degraded.is_empty() => text(StatusCode::OK, "ready\n".to_owned()),
                degraded => text(StatusCode::OK, format!("degraded: {}\n", degraded.join("; "))),
            },
            Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
        "/metrics" => {
            text(StatusCode::OK, metrics::text(gateway, status(gateway).await.as_ref(), space, files, clock::now()))
        }
        _ => text(StatusCode::NOT_FOUND, "not found: the paths are /healthz, /readyz and /metrics\n".to_owned()),
    }
}

/// The status of the log; `None` if it is not available in time, because a writer holds the log and waits for a disk.
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
