//! Sends one HTTP request on behalf of the user and reads the whole answer.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::gateway::{client_tls, error_chain};

use super::exit::Failure;
use super::runtime::runtime;

const LARGEST_ANSWER: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a request and waits for the whole answer. `roots` (PEM) replaces the system's certificates.
pub(super) fn send(request: Request<Full<Bytes>>, roots: Option<&[u8]>) -> Result<Response<Bytes>, Failure> {
    let tls = tls(roots)?;
    runtime(std::num::NonZeroUsize::new(1))?.block_on(exchange(request, tls))
}

pub(super) fn tls(roots: Option<&[u8]>) -> Result<rustls::ClientConfig, Failure> {
    client_tls(roots)
        .map_err(|error| Failure::new(format!("the certificates cannot be used: {error}"), "fix `--ca-file`"))
}

/// Like [`send`], for code that already runs in a runtime.
pub(super) async fn exchange(
    request: Request<Full<Bytes>>,
    tls: rustls::ClientConfig,
) -> Result<Response<Bytes>, Failure> {
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let sent = async {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let answer = client.request(request).await.map_err(|error| unreachable(&host, &error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| Failure::new(format!("the answer is incomplete: {error}"), "try again"))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    timeout(PATIENCE, sent).await.unwrap_or_else(|_| {
        Err(Failure::new(
            format!("`{host}` did not answer within {} seconds", PATIENCE.as_secs()),
            "check whether the call took effect before you repeat it",
        ))
    })
}

fn unreachable(host: &str, error: &dyn std::error::Error) -> Failure {
    let what = format!("`{host}` cannot be reached: {}", error_chain(error));
    Failure::new(what, "check `--endpoint`, and that the gateway is running")
}
