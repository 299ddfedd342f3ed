//! The small HTTP client: whom it trusts, one request, and its errors in one line.

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

const LARGEST: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server answered, whatever its status.
pub(crate) struct Document {
    pub(crate) status: StatusCode,
    pub(crate) bytes: Bytes,
}

/// GETs a document.
///
/// # Errors
/// In words, why there is none: an answer other than 200 is one.
pub(crate) async fn fetch(url: &str, tls: ClientConfig) -> Result<String, String> {
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
pub(crate) async fn ask(request: Request<Empty<Bytes>>, tls: ClientConfig) -> Result<Document, String> {
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

/// TLS to a server: trusting the certificates of `roots` (PEM) alone, or without them the system's, or where there
/// are none the ones that came along.
///
/// # Errors
/// A PEM text without a usable certificate.
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

/// An error and what caused it, in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
