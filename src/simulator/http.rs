//! The embedded ECS on a socket, with limits, strict parsing and a bounded shutdown.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalog::RejectionReason;
use crate::identity::Signed;
use crate::wire::{FormLimits, Method, read_parameters};

use super::ecs::{Reply, Simulator};

const CONNECTIONS: usize = 1024;
const BODY_BYTES: usize = 64 * 1024;
const HEAD_BYTES: usize = 64 * 1024;
const FORM: FormLimits = FormLimits { parameters: 100 };
/// Also covers the pause between two calls, so it is longer than clients keep an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after a connection could not be accepted, usually because there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then lets calls in progress finish for up to five seconds.
pub async fn run(listener: TcpListener, simulator: Arc<Simulator>, shutdown: CancellationToken) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let tasks = TaskTracker::new();
    loop {
        let accept = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (simulator, shutdown) = (Arc::clone(&simulator), shutdown.clone());
                tasks.spawn(async move {
                    serve(stream, simulator, shutdown).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the embedded ECS could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn serve(stream: TcpStream, simulator: Arc<Simulator>, shutdown: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the embedded ECS could not set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let simulator = Arc::clone(&simulator);
        async move { Ok::<_, Infallible>(response(&exchange(request, &simulator).await)) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEAD_BYTES);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the embedded ECS ended early");
    }
}

async fn exchange(request: Request<Incoming>, simulator: &Simulator) -> Reply {
    let (head, body) = request.into_parts();
    let refuse = |refusal, reason: &str| {
        simulator.refuse(refusal, reason, text(&head.headers, "accept"), text(&head.headers, "host"))
    };
    let body = match read_body(body).await {
        Ok(body) => body,
        Err((refusal, reason)) => return refuse(refusal, reason),
    };
    let now = Timestamp::now();
    let method = match head.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        _ => return refuse(RejectionReason::Method, "this http method is not supported: use GET or POST"),
    };
    if let Err(reason) = check_form(&head, &body) {
        return refuse(RejectionReason::TwoReadings, reason);
    }
    match read_parameters(head.uri.query().unwrap_or_default().as_bytes(), &body, FORM) {
        Err(error) => refuse(RejectionReason::TwoReadings, &error.to_string()),
        Ok(parameters) => {
            let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            simulator.answer(&Signed { method, headers, parameters: &parameters, body: &body }, now)
        }
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, (RejectionReason, &'static str)> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err((RejectionReason::BodyTooLarge, "the body is larger than 65536 bytes"))
        }
        Ok(Err(_)) => Err((RejectionReason::TwoReadings, "the body ended early")),
        Err(_) => Err((RejectionReason::Slow, "the body did not arrive in time")),
    }
}

/// The path must be `/`, and a body must be a form.
fn check_form(head: &Parts, body: &[u8]) -> Result<(), &'static str> {
    if head.uri.path() != "/" {
        return Err("the path is not `/`");
    }
    let kind = text(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if body.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(())
    } else {
        Err("a body must be `application/x-www-form-urlencoded`")
    }
}

fn response(reply: &Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(reply.body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.format.content_type()));
    if let Ok(request_id) = HeaderValue::from_str(&reply.request_id) {
        headers.insert("x-acs-request-id", request_id);
    }
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
