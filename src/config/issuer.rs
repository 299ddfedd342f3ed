//! `[identity.issuer]`: how the gateway issues temporary keys.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use crate::ram::SessionName;
use ram_policy::{Identity, PrincipalName};

use super::duration;
use super::listener::read_range;
use super::protected_url::is_protected_url;
use super::reader::Reader;

type Text = Spanned<String>;

/// The issuer key, and the ways in which clients get temporary keys.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    pub key_file: PathBuf,
    pub exchange: Option<ExchangeSettings>,
    pub credentials: Option<CredentialsSettings>,
}

/// The exchange of the real STS's keys for the gateway's own.
#[derive(Clone, Debug)]
pub struct ExchangeSettings {
    /// The endpoint of the real STS.
    pub url: String,
    /// The audience that callers sign for, so that another gateway cannot reuse what they signed.
    pub audience: String,
    /// Replaces the system's root certificates for this URL.
    pub ca_file: Option<PathBuf>,
}

/// The listener that `ALIBABA_CLOUD_CREDENTIALS_URI` points to.
#[derive(Clone, Debug)]
pub struct CredentialsSettings {
    pub listen: SocketAddr,
    /// Host names to accept besides the listener's address and loopback names, in lower case.
    pub hosts: Vec<String>,
    pub uris: Vec<UriSettings>,
}

#[derive(Clone, Debug)]
pub struct UriSettings {
    pub path: String,
    pub role: PrincipalName,
    pub from: Vec<IpNet>,
    pub session: Option<SessionName>,
    pub duration: Option<Duration>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIssuer {
    pub(super) enabled: bool,
    key_file: Option<PathBuf>,
    exchange: Option<RawExchange>,
    credentials: Option<Spanned<RawCredentials>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExchange {
    url: Text,
    audience: Text,
    ca_file: Option<PathBuf>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCredentials {
    listen: SocketAddr,
    #[serde(default)]
    hosts: Vec<Text>,
    #[serde(default)]
    uri: Vec<RawUri>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUri {
    path: Text,
    role: Text,
    #[serde(default)]
    from: Vec<Text>,
    session: Option<Text>,
    duration: Option<Spanned<duration::RawDuration>>,
}

impl Reader<'_> {
    pub(super) fn issuer(&mut self, raw: Option<Spanned<RawIssuer>>) -> Option<IssuerSettings> {
        let section = raw.as_ref()?.span();
        let raw = raw?.into_inner();
        if !raw.enabled {
            return None;
        }
        let Some(key_file) = raw.key_file else {
            let help = "create one with `ramgate key issuer --out issuer.key`, and add `key_file = \"issuer.key\"`";
            self.report(section, "`[identity.issuer]` is enabled without a `key_file`", help);
            return None;
        };
        Some(IssuerSettings {
            key_file: self.folder.join(key_file),
            exchange: raw.exchange.map(|exchange| self.exchange(exchange)),
            credentials: raw.credentials.map(|credentials| self.credentials(credentials)),
        })
    }

    fn exchange(&mut self, raw: RawExchange) -> ExchangeSettings {
        let url = raw.url.get_ref().trim_end_matches('/').to_owned();
        if !is_protected_url(&url) || url.matches('/').count() != 2 {
            let help = "write an address such as `https://sts.cn-hangzhou.aliyuncs.com`";
            self.report(raw.url.span(), &format!("`{url}` is not an https address of STS"), help);
        }
        let audience = raw.audience.get_ref().clone();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if !(1..=128).contains(&audience.len()) || !audience.bytes().all(character) {
            let help = "choose a name unique to this gateway, of up to 128 letters, digits, `.`, `-`, `_` and `:`";
            self.report(raw.audience.span(), &format!("`{audience}` is not a valid audience"), help);
        }
        ExchangeSettings { url, audience, ca_file: raw.ca_file.map(|path| self.folder.join(path)) }
    }

    fn credentials(&mut self, raw: Spanned<RawCredentials>) -> CredentialsSettings {
        let section = raw.span();
        let RawCredentials { listen, hosts, uri } = raw.into_inner();
        if uri.is_empty() {
            let help = "add `[[identity.issuer.credentials.uri]]` with `path`, `role` and `from`";
            self.report(section, "`[identity.issuer.credentials]` serves no path", help);
        }
        let mut uris: Vec<UriSettings> = Vec::new();
        for uri in uri {
            if uris.iter().any(|other| other.path == *uri.path.get_ref()) {
                self.report(uri.path.span(), "the path is given twice", "keep one of the two");
            }
            uris.extend(self.uri(&uri));
        }
        let hosts = hosts.iter().filter_map(|host| self.credentials_host(host)).collect();
        CredentialsSettings { listen, hosts, uris }
    }

    /// A host as clients send it in `Host`: a name or an address, with or without a port.
    fn credentials_host(&mut self, raw: &Text) -> Option<String> {
        let host = raw.get_ref().to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, port)| match port.parse::<u16>() {
            Ok(_) => name,
            Err(_) => "",
        });
        let name = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map_or_else(
            || {
                name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_'))
                    && !name.is_empty()
            },
            |six| six.parse::<std::net::Ipv6Addr>().is_ok(),
        );
        if !name {
            let title = format!("`{}` is not a host name", raw.get_ref());
            self.report(raw.span(), &title, "write what clients send in `Host`: `creds.internal`, or with a port");
            return None;
        }
        Some(host)
    }

    fn uri(&mut self, raw: &RawUri) -> Option<UriSettings> {
        let path = raw.path.get_ref().clone();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
        if !path.starts_with('/') || path.len() > 256 || !path.bytes().all(character) {
            let help = "write `/` and letters, digits, `/`, `.`, `-` or `_`";
            self.report(raw.path.span(), &format!("`{path}` is not a valid path"), help);
        }
        if raw.from.is_empty() {
            let help = "add the clients' addresses, which alone identify them: `from = [\"10.0.0.0/24\"]`";
            self.report(raw.path.span(), "no client may fetch these credentials", help);
        }
        let mut from = Vec::new();
        for range in &raw.from {
            match read_range(range.get_ref()) {
                Some(net) if net.prefix_len() > 0 => from.push(net),
                _ => {
                    let title = format!("`{}` is not a valid range of client addresses", range.get_ref());
                    self.report(
                        range.span(),
                        &title,
                        "write a range such as `10.0.0.0/24`, or one address; a range of all addresses is refused",
                    );
                }
            }
        }
        let session = raw.session.as_ref().and_then(|name| match name.get_ref().parse() {
            Ok(name) => Some(name),
            Err(error) => {
                let error: crate::ram::SessionNameError = error;
                self.report(name.span(), &error.to_string(), "correct it, or remove it to use the client's address");
                None
            }
        });
        let duration = raw.duration.as_ref().map(|duration| duration.get_ref().0);
        if let Some((raw, _)) = raw.duration.as_ref().zip(duration).filter(|(_, it)| it.as_secs() < 900) {
            self.report(raw.span(), "`duration` is below 15 minutes", "write `15m` or more");
        }
        match raw.role.get_ref().parse::<PrincipalName>() {
            Ok(role) if matches!(role.identity, Identity::Role(_)) => {
                Some(UriSettings { path, role, from, session, duration })
            }
            _ => {
                let title = format!("`{}` is not a role", raw.role.get_ref());
                self.report(raw.role.span(), &title, "write `role/NAME`");
                None
            }
        }
    }
}
