//! Certificates generated for tests, and a caller that speaks TLS.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ram_policy::Principal;
use ramgate::gateway::{ClientCertificates, ServerTls, ServerTlsTexts, client_tls, server_tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned, SupportedProtocolVersion};
use tokio::sync::watch;

use super::wire::{Answer, connect, read_answer};

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// A certificate authority.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server certificate for the gateway's loopback address and its host names.
    pub fn server(&self) -> Pair {
        let names = ["127.0.0.1", "gateway.test", "other.test"].map(str::to_owned);
        self.sign(&CertificateParams::new(names).unwrap())
    }

    /// A client certificate with the subject `CN=name,O=netops`.
    pub fn client(&self, name: &str) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "netops");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// The TLS configuration of a gateway with that certificate.
pub fn config(pair: &Pair, clients: Option<ClientCertificates<'_>>) -> Arc<ServerConfig> {
    let texts = ServerTlsTexts { certificate: pair.certificate.as_bytes(), key: pair.key.as_bytes(), clients };
    Arc::new(server_tls(texts).unwrap())
}

/// A gateway's TLS part with that configuration, and a sender that replaces the configuration.
pub fn listener(config: Arc<ServerConfig>) -> (ServerTls, watch::Sender<Arc<ServerConfig>>) {
    let (sender, receiver) = watch::channel(config);
    let principals: Arc<HashMap<String, Principal>> = Arc::default();
    (ServerTls { config: receiver, handshake_timeout: Duration::from_secs(10), principals }, sender)
}

/// The configuration of a caller that trusts that authority.
pub fn trusting(roots: &str) -> ClientConfig {
    client_tls(Some(roots.as_bytes())).unwrap()
}

/// Like [`trusting`], with these TLS versions only, and with a client certificate if `own` is given.
pub fn caller(roots: &str, versions: &[&'static SupportedProtocolVersion], own: Option<&Pair>) -> ClientConfig {
    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from_pem_slice(roots.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(store);
    match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Connects and completes the handshake.
pub fn open(address: SocketAddr, config: ClientConfig, name: &str) -> io::Result<Stream> {
    open_on(connect(address), config, name)
}

/// Completes the handshake on a connection that has carried other bytes before.
pub fn open_on(mut socket: TcpStream, config: ClientConfig, name: &str) -> io::Result<Stream> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

/// Sends a request on an open connection. `None` if the connection ends without an answer.
pub fn ask_on(stream: &mut Stream, request: &[u8]) -> Option<Answer> {
    stream.write_all(request).and_then(|()| stream.flush()).ok()?;
    read_answer(stream)
}

/// One call on a new connection. `None` if the handshake fails or no answer comes.
pub fn ask(address: SocketAddr, config: ClientConfig, request: &[u8]) -> Option<Answer> {
    ask_on(&mut open(address, config, "127.0.0.1").ok()?, request)
}
