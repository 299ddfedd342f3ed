//! One small document from a server, bounded in bytes and in time: an issuer's keys.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::upstream::error_chain;

const LARGEST: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// GETs a document. A redirect is an answer like any other that is not 200: whoever configured the place meant it.
///
/// # Errors
/// In words, why there is none.
pub(super) async fn fetch(url: &str, tls: rustls::ClientConfig) -> Result<String, String> {
    let uri: Uri = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let request = Request::get(uri).header("accept", "application/json").body(Empty::new());
    let request = request.map_err(|error| error.to_string())?;
    let answered = async {
        let answer = client.request(request).await.map_err(|error| error_chain(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| format!("the answer broke off or has more than {LARGEST} bytes: {error}"))?;
        String::from_utf8(body.to_bytes().to_vec()).map_err(|_| "the answer is not UTF-8".to_owned())
    };
    let waited = timeout(PATIENCE, answered).await;
    waited.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}
