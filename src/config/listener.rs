//! What stands between a caller and the first byte of HTTP: TLS, and the proxies whose word is believed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use crate::ram::WrittenPrincipal;
use crate::source::{Complaint, Source, possible};
use crate::wire::{ProxyVersions, TrustedProxies};

use super::duration;
use super::limits::WrittenLimits;

#[derive(Clone, Debug, Default)]
pub struct ListenerSettings {
    /// Without it the listener is plain.
    pub tls: Option<TlsSettings>,
    pub proxies: ProxySettings,
}

#[derive(Clone, Debug)]
pub struct TlsSettings {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub clients: Option<ClientSettings>,
    pub handshake_timeout: Duration,
}

/// Callers' own certificates.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    pub ca: PathBuf,
    /// Whether a caller without one is turned away.
    pub required: bool,
    /// Whom a certificate stands for, by its subject.
    pub principals: Vec<(String, WrittenPrincipal)>,
}

/// Proxies in front. Limits and budgets count callers: a trusted proxy's connections count for nobody, one that it
/// announces by the PROXY protocol for the announced caller; attempts of unknown callers for the caller believed.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    /// Nobody by default.
    pub trusted: TrustedProxies,
    /// Which headers of the PROXY protocol their connections begin with; without it, none.
    pub protocol: Option<ProxyVersions>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTls {
    certificate: PathBuf,
    key: PathBuf,
    handshake_timeout: Option<duration::Written>,
    client_ca: Option<PathBuf>,
    client_certificates: Option<Spanned<String>>,
    #[serde(default)]
    principal: Vec<WrittenClient>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClient {
    subject: Spanned<String>,
    principal: Spanned<String>,
}

impl WrittenTls {
    /// Whether certificates stand for callers.
    pub(super) fn maps_certificates(&self) -> bool {
        !self.principal.is_empty()
    }
}

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn read(
    source: &Source,
    folder: &Path,
    complaints: &mut Vec<Complaint>,
    tls: Option<Spanned<WrittenTls>>,
    limits: &WrittenLimits,
) -> ListenerSettings {
    let mut reader = Reader { source, folder, complaints };
    ListenerSettings { tls: tls.map(|tls| reader.tls(tls)), proxies: reader.proxies(limits) }
}

struct Reader<'a> {
    source: &'a Source,
    folder: &'a Path,
    complaints: &'a mut Vec<Complaint>,
}

impl Reader<'_> {
    fn tls(&mut self, written: Spanned<WrittenTls>) -> TlsSettings {
        let section = written.span();
        let written = written.into_inner();
        let required = written.client_certificates.as_ref().is_none_or(|mode| match mode.get_ref().as_str() {
            "required" => true,
            "optional" => false,
            other => {
                let title = format!("`{other}` is no way to ask for certificates");
                self.complain(mode.span(), &title, &possible(other, &["required", "optional"]));
                true
            }
        });
        let principals = self.principals(written.principal);
        let clients = match written.client_ca {
            Some(ca) => Some(ClientSettings { ca: self.folder.join(ca), required, principals }),
            None => {
                if !principals.is_empty() || written.client_certificates.is_some() {
                    let title = "callers' certificates are spoken of, and nothing says who issues them";
                    self.complain(section, title, "add `client_ca = \"FILE\"`, the PEM of whoever signs them");
                }
                None
            }
        };
        TlsSettings {
            certificate: self.folder.join(written.certificate),
            key: self.folder.join(written.key),
            clients,
            handshake_timeout: written.handshake_timeout.map_or(HANDSHAKE_TIMEOUT, |timeout| timeout.0),
        }
    }

    fn principals(&mut self, written: Vec<WrittenClient>) -> Vec<(String, WrittenPrincipal)> {
        let mut principals: Vec<(String, WrittenPrincipal)> = Vec::new();
        for WrittenClient { subject, principal } in written {
            let text = subject.get_ref().as_str();
            // As OpenSSL prints it when it is not told how: such a text would never be found.
            let spaced = text.contains(" = ") || text.replace("\\,", "").contains(", ");
            if text.is_empty() || spaced {
                let help = "write what `openssl x509 -noout -subject -nameopt RFC2253` prints after `subject=`: `CN=terway,O=netops`";
                self.complain(subject.span(), &format!("`{text}` is no subject of a certificate"), help);
            } else if principals.iter().any(|(other, _)| other == text) {
                self.complain(subject.span(), &format!("the subject `{text}` is given twice"), "keep one of the two");
            }
            match principal.get_ref().parse() {
                Ok(principal) => principals.push((subject.into_inner(), principal)),
                Err(error) => {
                    let error: crate::ram::MalformedPrincipal = error;
                    self.complain(principal.span(), &error.to_string(), "name a principal of the account file");
                }
            }
        }
        principals
    }

    fn proxies(&mut self, limits: &WrittenLimits) -> ProxySettings {
        let written = limits.trusted_proxies.as_deref().unwrap_or_default();
        let ranges = written.iter().filter_map(|range| {
            let read = read_range(range.get_ref());
            if read.is_none() {
                let title = format!("`{}` is no range of addresses", range.get_ref());
                self.complain(range.span(), &title, "write `10.0.0.0/8`, `2001:db8::/32`, or one address");
            }
            read
        });
        let trusted = TrustedProxies::new(ranges.collect::<Vec<_>>());
        let protocol = limits.proxy_protocol.as_ref().and_then(|protocol| {
            let versions = match protocol.get_ref().as_str() {
                "off" => return None,
                "v1" => ProxyVersions::V1,
                "v2" => ProxyVersions::V2,
                "any" => ProxyVersions::Any,
                other => {
                    let title = format!("`{other}` is no version of the PROXY protocol");
                    self.complain(protocol.span(), &title, &possible(other, &["off", "v1", "v2", "any"]));
                    return None;
                }
            };
            if written.is_empty() {
                let title = "the PROXY protocol is taken from trusted proxies, and there are none";
                self.complain(protocol.span(), title, "name them in `trusted_proxies`, or set it to `off`");
            }
            Some(versions)
        });
        ProxySettings { trusted, protocol }
    }

    fn complain(&mut self, span: std::ops::Range<usize>, title: &str, help: &str) {
        self.complaints.push(self.source.error(span, title, help));
    }
}

/// A range without host bits, which could be a slip, or one address.
pub(super) fn read_range(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(range) => Some(range).filter(|range| range.addr() == range.network()),
        Err(_) => text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)),
    }
}
