//! `[identity.issuer]`: the gateway as an issuer of temporary keys.

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

/// How keys are issued.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    pub key_file: PathBuf,
    pub exchange: Option<ExchangeSettings>,
    pub credentials: Option<CredentialsSettings>,
}

/// Keys of the real STS, for keys of ours.
#[derive(Clone, Debug)]
pub struct ExchangeSettings {
    /// Of the real STS.
    pub url: String,
    /// For whom callers sign.
    pub audience: String,
    /// Replaces the system's certificates there.
    pub ca_file: Option<PathBuf>,
}

/// What `ALIBABA_CLOUD_CREDENTIALS_URI` names.
#[derive(Clone, Debug)]
pub struct CredentialsSettings {
    pub listen: SocketAddr,
    /// Names besides the listener's address and those of loopback, in lower case.
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
    pub(super) fn issuer(&mut self, written: Option<Spanned<RawIssuer>>) -> Option<IssuerSettings> {
        let section = written.as_ref()?.span();
        let written = written?.into_inner();
        if !written.enabled {
            return None;
        }
        let Some(key_file) = written.key_file else {
            let help = "make one with `ramgate key issuer --out issuer.key`, and add `key_file = \"issuer.key\"`";
            self.complain(section, "keys are to be issued, and there is no issuer key", help);
            return None;
        };
        Some(IssuerSettings {
            key_file: self.folder.join(key_file),
            exchange: written.exchange.map(|exchange| self.exchange(exchange)),
            credentials: written.credentials.map(|credentials| self.credentials(credentials)),
        })
    }

    fn exchange(&mut self, written: RawExchange) -> ExchangeSettings {
        let url = written.url.get_ref().trim_end_matches('/').to_owned();
        if !is_protected_url(&url) || url.matches('/').count() != 2 {
            let help = "write `https://sts.cn-hangzhou.aliyuncs.com`, say";
            self.complain(written.url.span(), &format!("`{url}` is no address of STS over https"), help);
        }
        let audience = written.audience.get_ref().clone();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if !(1..=128).contains(&audience.len()) || !audience.bytes().all(character) {
            let help = "make up a name that no other gateway has: letters, digits, `.`, `-`, `_` and `:`";
            self.complain(written.audience.span(), &format!("`{audience}` is no audience"), help);
        }
        ExchangeSettings { url, audience, ca_file: written.ca_file.map(|path| self.folder.join(path)) }
    }

    fn credentials(&mut self, written: Spanned<RawCredentials>) -> CredentialsSettings {
        let section = written.span();
        let RawCredentials { listen, hosts, uri } = written.into_inner();
        if uri.is_empty() {
            let help = "add `[[identity.issuer.credentials.uri]]` with `path`, `role` and `from`";
            self.complain(section, "credentials are to be had, and nothing says where", help);
        }
        let mut uris: Vec<UriSettings> = Vec::new();
        for uri in uri {
            if uris.iter().any(|other| other.path == *uri.path.get_ref()) {
                self.complain(uri.path.span(), "the path is given twice", "keep one of the two");
            }
            uris.extend(self.uri(&uri));
        }
        let hosts = hosts.iter().filter_map(|host| self.credentials_host(host)).collect();
        CredentialsSettings { listen, hosts, uris }
    }

    /// A name as a client sends it in `Host`.
    fn credentials_host(&mut self, written: &Text) -> Option<String> {
        let host = written.get_ref().to_ascii_lowercase();
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
            let title = format!("`{}` is not a host name", written.get_ref());
            self.complain(
                written.span(),
                &title,
                "write what clients send in `Host`: `creds.internal`, or with a port",
            );
            return None;
        }
        Some(host)
    }

    fn uri(&mut self, written: &RawUri) -> Option<UriSettings> {
        let path = written.path.get_ref().clone();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
        if !path.starts_with('/') || path.len() > 256 || !path.bytes().all(character) {
            let help = "write `/` and letters, digits, `/`, `.`, `-` or `_`";
            self.complain(written.path.span(), &format!("`{path}` is no path"), help);
        }
        if written.from.is_empty() {
            let help = "name who may ask: `from = [\"10.0.0.0/24\"]`; where a caller stands is all that it is known by";
            self.complain(written.path.span(), "nobody may ask for these credentials", help);
        }
        let mut from = Vec::new();
        for range in &written.from {
            match read_range(range.get_ref()) {
                Some(net) if net.prefix_len() > 0 => from.push(net),
                _ => {
                    let title = format!("`{}` is no range of callers", range.get_ref());
                    self.complain(range.span(), &title, "write `10.0.0.0/24`, or one address, never everybody");
                }
            }
        }
        let session = written.session.as_ref().and_then(|name| match name.get_ref().parse() {
            Ok(name) => Some(name),
            Err(error) => {
                let error: crate::ram::SessionNameError = error;
                self.complain(name.span(), &error.to_string(), "leave it out for the caller's address");
                None
            }
        });
        let duration = written.duration.as_ref().map(|duration| duration.get_ref().0);
        if let Some((written, _)) = written.duration.as_ref().zip(duration).filter(|(_, it)| it.as_secs() < 900) {
            self.complain(written.span(), "a session lasts 15 minutes at least", "write `15m` or more");
        }
        match written.role.get_ref().parse::<PrincipalName>() {
            Ok(role) if matches!(role.identity, Identity::Role(_)) => {
                Some(UriSettings { path, role, from, session, duration })
            }
            _ => {
                let title = format!("`{}` is no role", written.role.get_ref());
                self.complain(written.role.span(), &title, "write `role/NAME`");
                None
            }
        }
    }
}
