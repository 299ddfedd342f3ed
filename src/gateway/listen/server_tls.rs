//! TLS towards callers: what the gateway shows them, and what it asks of them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;

use crate::wire::certificate_subject;
use ram_policy::Principal;

/// TLS on the listener. Connections keep what they began with; each new one begins with the newest.
#[derive(Clone, Debug)]
pub struct ServerTls {
    pub config: watch::Receiver<Arc<ServerConfig>>,
    /// From accept to the end of the handshake.
    pub handshake_timeout: Duration,
    /// Whom callers' certificates stand for, by their subjects.
    pub principals: Arc<HashMap<String, Principal>>,
}

impl ServerTls {
    pub(crate) fn holder(&self, certificate: &CertificateDer<'_>) -> Option<&Principal> {
        self.principals.get(&certificate_subject(certificate)?)
    }
}

/// PEM texts, as they were read.
#[derive(Clone, Copy, Debug)]
pub struct ServerTlsTexts<'a> {
    pub certificate: &'a [u8],
    pub key: &'a [u8],
    pub clients: Option<ClientCertificates<'a>>,
}

/// Whose certificates callers may show.
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificates<'a> {
    pub ca: &'a [u8],
    /// Whether a caller without one is turned away.
    pub required: bool,
}

/// A configuration for TLS 1.2 and 1.3, HTTP/1.1 only, without early data: it could be replayed.
///
/// # Errors
/// A text without a usable certificate or key, or a key that is not the certificate's.
pub fn server_tls(texts: ServerTlsTexts<'_>) -> io::Result<ServerConfig> {
    let chain = certificates("the certificate file", texts.certificate)?;
    // What the parser says of a key is left out: it could quote it.
    let key = PrivateKeyDer::from_pem_slice(texts.key)
        .map_err(|_| io::Error::other("the key file holds no private key in PEM"))?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match texts.clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            for root in certificates("the client CA file", clients.ca)? {
                roots.add(root).map_err(|error| io::Error::other(format!("the client CA file: {error}")))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if clients.required { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| io::Error::other(format!("certificate and key cannot be used: {error}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if texts.clients.is_some() {
        // A resumed session would show a certificate that is looked at no more.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

fn certificates(what: &str, pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| io::Error::other(format!("{what} is malformed: {error}")))?;
    if found.is_empty() { Err(io::Error::other(format!("{what} holds no certificate in PEM"))) } else { Ok(found) }
}
