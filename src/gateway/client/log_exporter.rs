//! Sends the audit log to a collector: batches of lines, by HTTP POST.
//!
//! Delivery is at least once: a batch is sent again, with growing pauses, until the collector answers with a 2xx
//! status. Redirects are not followed and proxy settings are ignored, because the operator configured the exact
//! destination.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::audit::{Batch, Spool};
use crate::identity::Secret;

use super::http::error_chain;

/// The pause after the spool is found empty, in which new lines gather.
const GATHERING: Duration = Duration::from_millis(500);
/// For one batch.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pauses after a failure grow from this one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// For the lines that are left at shutdown. Those that are not sent in time are sent after the next start.
const LAST_PATIENCE: Duration = Duration::from_secs(3);
/// In bytes; the rest of a larger answer is not read.
const LARGEST_ANSWER: usize = 64 << 10;

/// Sends batches of lines to one collector.
pub struct LogExporter {
    url: Uri,
    /// `Bearer …`.
    authorization: Option<HeaderValue>,
    encoding: ParcelEncoding,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// The encoding of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParcelEncoding {
    Plain,
    Gzip,
}

impl LogExporter {
    /// An exporter to a collector at `url`. A token is sent as a bearer token.
    ///
    /// # Errors
    /// A description of what is wrong with the URL or the token.
    pub fn new(
        url: &str,
        token: Option<&Secret>,
        encoding: ParcelEncoding,
        tls: rustls::ClientConfig,
    ) -> Result<Self, String> {
        let url = url.parse().map_err(|_| format!("`{url}` is not a valid URL"))?;
        let bearer = |token: &Secret| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| "the token contains characters that are not allowed in a header".to_owned())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        };
        let authorization = token.map(bearer).transpose()?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self { url, authorization, encoding, client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends the batches of the spool until the shutdown, and then, for a short time, those that are left.
    pub async fn run(self, spool: Arc<Spool>, shutdown: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let mut failing = false;
        while !shutdown.is_cancelled() {
            let wait = match shutdown.run_until_cancelled(self.send_oldest(&spool)).await {
                None => break,
                Some(Ok(Sent::One)) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("the collector accepts lines of the audit log again");
                    }
                    pause = FIRST_PAUSE;
                    continue;
                }
                Some(Ok(Sent::Nothing)) => GATHERING,
                Some(Err(why)) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!("the audit log cannot be sent to the collector; lines wait in the spool: {why}");
                    }
                    spool.refused(why);
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            shutdown.run_until_cancelled(sleep(wait)).await;
        }
        let rest = async { while matches!(self.send_oldest(&spool).await, Ok(Sent::One)) {} };
        // Batches that are not sent by then stay in the spool until the next start.
        let _ = timeout(LAST_PATIENCE, rest).await;
    }

    async fn send_oldest(&self, spool: &Arc<Spool>) -> Result<Sent, String> {
        let (oldest, done) = (Arc::clone(spool), Arc::clone(spool));
        let unreadable = |error: String| format!("the spool cannot be read: {error}");
        let batch = spawn_blocking(move || oldest.oldest()).await.map_err(|error| unreadable(error.to_string()))?;
        let Some(mut batch) = batch.map_err(|error| unreadable(error.to_string()))? else {
            return Ok(Sent::Nothing);
        };
        if !batch.lines.is_empty() {
            self.post(&mut batch).await?;
        }
        let removed = spawn_blocking(move || done.taken(&batch)).await.map_err(|error| error.to_string())?;
        removed.map_err(|error| format!("an accepted batch cannot be removed from the spool: {error}"))?;
        Ok(Sent::One)
    }

    async fn post(&self, batch: &mut Batch) -> Result<(), String> {
        let lines = std::mem::take(&mut batch.lines);
        let mut request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/x-ndjson");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = match self.encoding {
            ParcelEncoding::Plain => lines,
            ParcelEncoding::Gzip => {
                request = request.header(CONTENT_ENCODING, "gzip");
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&lines).and_then(|()| encoder.finish()).map_err(|error| error.to_string())?
            }
        };
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        let answered = async {
            let answer = self.client.request(request).await.map_err(|error| error_chain(&error))?;
            let status = answer.status();
            // The answer is read to its end, so that the connection can be reused.
            let _ = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
            if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
        };
        let waited = timeout(PATIENCE, answered).await;
        waited.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    }
}

enum Sent {
    One,
    Nothing,
}

impl std::fmt::Debug for LogExporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogExporter").field("url", &self.url).field("encoding", &self.encoding).finish_non_exhaustive()
    }
}
