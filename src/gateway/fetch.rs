//! One small document from a server, bounded in bytes and in time: an issuer's keys, or a key of the gateway's own.
//!
//! No proxy is asked, and no redirect followed: whoever configured the place meant it.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::upstream::error_chain;

const LARGEST: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server answered, whatever its status.
pub(super) struct Document {
    pub(super) status: StatusCode,
    pub(super) bytes: Bytes,
}

/// GETs a document.
///
/// # Errors
/// In words, why there is none: an answer other than 200 is one.
pub(super) async fn fetch(url: &str, tls: rustls::ClientConfig) -> Result<String, String> {
    let request = Request::get(url).header("accept", "application/json").body(Empty::new());
    let request = request.map_err(|_| format!("`{url}` is no URL"))?;
    let Document { status, bytes } = ask(request, tls).await?;
    if status != StatusCode::OK {
        return Err(format!("it answered {status}"));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| "the answer is not UTF-8".to_owned())
}

/// Sends a request once, on a connection of its own.
///
/// # Errors
/// In words, why there is no whole answer.
pub(super) async fn ask(request: Request<Empty<Bytes>>, tls: rustls::ClientConfig) -> Result<Document, String> {
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answered = async {
        let answer = client.request(request).await.map_err(|error| error_chain(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| format!("the answer broke off or has more than {LARGEST} bytes: {error}"))?;
        Ok(Document { status, bytes: body.to_bytes() })
    };
    let waited = timeout(PATIENCE, answered).await;
    waited.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}
