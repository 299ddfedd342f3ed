//! The small HTTP client: the TLS roots it trusts, sending one request, and errors as one line of text.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

/// The largest answer, in bytes.
const LARGEST: usize = 256 << 10;
/// For a whole request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server's answer, with any status.
pub(crate) struct Document {
    pub(crate) status: StatusCode,
    pub(crate) bytes: Bytes,
}

/// GETs a document.
///
/// # Errors
/// A description of the failure. An answer with a status other than 200 is a failure.
pub(crate) async fn fetch(url: &str, tls: ClientConfig) -> Result<String, String> {
    let request = Request::get(url).header("accept", "application/json").body(Empty::new());
    let request = request.map_err(|_| format!("`{url}` is not a valid URL"))?;
    let Document { status, bytes } = ask(request, tls).await?;
    if status != StatusCode::OK {
        return Err(format!("it answered {status}"));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| "the answer is not UTF-8".to_owned())
}

/// Sends a request once, on a connection of its own.
///
/// # Errors
/// A description of why there is no complete answer.
pub(crate) async fn ask(request: Request<Empty<Bytes>>, tls: ClientConfig) -> Result<Document, String> {
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answered = async {
        let answer = client.request(request).await.map_err(|error| error_chain(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| format!("the answer was cut off or has more than {LARGEST} bytes: {error}"))?;
        Ok(Document { status, bytes: body.to_bytes() })
    };
    let waited = timeout(PATIENCE, answered).await;
    waited.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

/// A TLS client that trusts only the certificates in `roots` (PEM). Without `roots` it trusts the system's
/// certificates, or the bundled Mozilla roots if the system has no certificates.
///
/// # Errors
/// `roots` does not contain a usable certificate.
pub fn client_tls(roots: Option<&[u8]>) -> io::Result<ClientConfig> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                store.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
            if store.is_empty() {
                return Err(io::Error::other("it holds no certificate"));
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(store).with_no_client_auth())
}

/// An error and its causes, in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
