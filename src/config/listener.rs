//! What precedes HTTP on a connection: TLS, and the PROXY header of a trusted proxy.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use crate::text::possible;
use crate::wire::{ProxyVersions, TrustedProxies};
use ram_policy::PrincipalName;

use super::duration;
use super::limits::RawLimits;
use super::reader::Reader;

#[derive(Clone, Debug, Default)]
pub struct ListenerSettings {
    /// Without it, the listener speaks plain HTTP.
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

/// How callers' certificates are verified, and which principals they identify.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    pub ca: PathBuf,
    /// Whether connections without a certificate are refused.
    pub required: bool,
    /// The principal of each certificate, by its subject.
    pub principals: Vec<(String, PrincipalName)>,
}

/// Proxies in front of the listener. A trusted proxy's own address is exempt from the limits of a source. A connection
/// with a PROXY header counts against the announced source instead, and so do attempts of unknown callers on it.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    /// Empty by default.
    pub trusted: TrustedProxies,
    /// The versions of the PROXY protocol that their connections must begin with. Without it, no header is read.
    pub protocol: Option<ProxyVersions>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    certificate: PathBuf,
    key: PathBuf,
    handshake_timeout: Option<duration::RawDuration>,
    client_ca: Option<PathBuf>,
    client_certificates: Option<Spanned<String>>,
    #[serde(default)]
    principal: Vec<RawClient>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    subject: Spanned<String>,
    principal: Spanned<String>,
}

impl RawTls {
    /// Whether certificates identify callers.
    pub(super) fn maps_certificates(&self) -> bool {
        !self.principal.is_empty()
    }
}

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

impl Reader<'_> {
    pub(super) fn listener(&mut self, tls: Option<Spanned<RawTls>>, limits: &RawLimits) -> ListenerSettings {
        ListenerSettings { tls: tls.map(|tls| self.tls(tls)), proxies: self.proxies(limits) }
    }

    fn tls(&mut self, raw: Spanned<RawTls>) -> TlsSettings {
        let section = raw.span();
        let raw = raw.into_inner();
        let required = raw.client_certificates.as_ref().is_none_or(|mode| match mode.get_ref().as_str() {
            "required" => true,
            "optional" => false,
            other => {
                let title = format!("unknown value `{other}` for `client_certificates`");
                self.report(mode.span(), &title, &possible(other, &["required", "optional"]));
                true
            }
        });
        let principals = self.principals(raw.principal);
        let clients = match raw.client_ca {
            Some(ca) => Some(ClientSettings { ca: self.folder.join(ca), required, principals }),
            None => {
                if !principals.is_empty() || raw.client_certificates.is_some() {
                    let title = "client certificates are configured without `client_ca`";
                    self.report(
                        section,
                        title,
                        "add `client_ca = \"FILE\"`, the certificate authority that issues them",
                    );
                }
                None
            }
        };
        TlsSettings {
            certificate: self.folder.join(raw.certificate),
            key: self.folder.join(raw.key),
            clients,
            handshake_timeout: raw.handshake_timeout.map_or(HANDSHAKE_TIMEOUT, |timeout| timeout.0),
        }
    }

    fn principals(&mut self, raw: Vec<RawClient>) -> Vec<(String, PrincipalName)> {
        let mut principals: Vec<(String, PrincipalName)> = Vec::new();
        for RawClient { subject, principal } in raw {
            let text = subject.get_ref().as_str();
            // OpenSSL's default format, which no certificate's subject would ever match.
            let spaced = text.contains(" = ") || text.replace("\\,", "").contains(", ");
            if text.is_empty() || spaced {
                let help = "write what `openssl x509 -noout -subject -nameopt RFC2253` prints after `subject=`: `CN=terway,O=netops`";
                self.report(subject.span(), &format!("`{text}` is not a valid certificate subject"), help);
            } else if principals.iter().any(|(other, _)| other == text) {
                self.report(subject.span(), &format!("the subject `{text}` is given twice"), "keep one of the two");
            }
            match principal.get_ref().parse() {
                Ok(principal) => principals.push((subject.into_inner(), principal)),
                Err(error) => {
                    let error: ram_policy::PrincipalError = error;
                    self.report(principal.span(), &error.to_string(), "name a principal of the account file");
                }
            }
        }
        principals
    }

    fn proxies(&mut self, limits: &RawLimits) -> ProxySettings {
        let raw = limits.trusted_proxies.as_deref().unwrap_or_default();
        let ranges = raw.iter().filter_map(|range| {
            let read = read_range(range.get_ref());
            if read.is_none() {
                let title = format!("`{}` is not a valid range of addresses", range.get_ref());
                self.report(range.span(), &title, "write `10.0.0.0/8`, `2001:db8::/32`, or one address");
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
                    let title = format!("unknown version `{other}` of the PROXY protocol");
                    self.report(protocol.span(), &title, &possible(other, &["off", "v1", "v2", "any"]));
                    return None;
                }
            };
            if raw.is_empty() {
                let title = "`proxy_protocol` is set, but no proxy is trusted";
                self.report(protocol.span(), title, "list the proxies in `trusted_proxies`, or set it to `off`");
            }
            Some(versions)
        });
        ProxySettings { trusted, protocol }
    }
}

/// A range of addresses, or one address. A range with host bits set is refused: it is probably a typo.
pub(super) fn read_range(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(range) => Some(range).filter(|range| range.addr() == range.network()),
        Err(_) => text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)),
    }
}
