//! TLS towards callers: the certificate that the gateway presents, and the client certificates that it accepts.

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

/// TLS on the listener. A new configuration applies to new connections only.
#[derive(Clone, Debug)]
pub struct ServerTls {
    pub config: watch::Receiver<Arc<ServerConfig>>,
    /// For the TLS handshake alone, which begins after the PROXY header.
    pub handshake_timeout: Duration,
    /// The principals of client certificates, by subject.
    pub principals: Arc<HashMap<String, Principal>>,
}

impl ServerTls {
    /// The principal that a client certificate maps to.
    pub(crate) fn holder(&self, certificate: &CertificateDer<'_>) -> Option<&Principal> {
        self.principals.get(&certificate_subject(certificate)?)
    }
}

/// The contents of PEM files.
#[derive(Clone, Copy, Debug)]
pub struct ServerTlsTexts<'a> {
    pub certificate: &'a [u8],
    pub key: &'a [u8],
    pub clients: Option<ClientCertificates<'a>>,
}

/// The client certificates that are accepted.
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificates<'a> {
    pub ca: &'a [u8],
    /// Whether the handshake fails for a client without a certificate.
    pub required: bool,
}

/// A configuration for TLS 1.2 and 1.3 and HTTP/1.1 only, without early data, which an attacker could replay.
///
/// # Errors
/// A file has no usable certificate or key, or the key does not match the certificate.
pub fn server_tls(texts: ServerTlsTexts<'_>) -> io::Result<ServerConfig> {
    let chain = certificates("the certificate file", texts.certificate)?;
    // The parser's error is dropped: it could quote the key.
    let key = PrivateKeyDer::from_pem_slice(texts.key)
        .map_err(|_| io::Error::other("the key file contains no PEM private key"))?;
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
        .map_err(|error| io::Error::other(format!("the certificate and the key cannot be used: {error}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if texts.clients.is_some() {
        // A resumed session would present a client certificate that is not verified again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

fn certificates(what: &str, pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| io::Error::other(format!("{what} is malformed: {error}")))?;
    if found.is_empty() { Err(io::Error::other(format!("{what} contains no PEM certificate"))) } else { Ok(found) }
}
