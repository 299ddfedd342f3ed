//! Whether a request for credentials was composed by the workload itself, and for this listener.
//!
//! A client is identified by its address alone. So a web page that rebinds its own DNS name to this address, or a
//! server that an attacker makes send a request, would get the workload's credentials. Such requests have another
//! `Host`, or headers that SDKs do not send.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderMap, HeaderName};
use hyper::{Request, Uri};

use crate::wire::excerpt;

use crate::gateway::call::{Intermediary, any_header};

/// The names of the loopback interface.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Why a request is considered to come from a browser or a proxy instead of the workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IndirectRequest {
    #[error("credentials are not handed out for the host `{0}`: add it to `hosts` if it is a name of this listener")]
    Host(String),
    #[error("credentials are handed out only to the client that composed the request: {0}")]
    Intermediary(Intermediary),
    #[error("credentials are handed out only to the client that composed the request: its target is meant for a proxy")]
    ProxyTarget,
}

impl IndirectRequest {
    /// The kind under which the metrics count it.
    pub(super) fn kind(&self) -> RefusedFor {
        match self {
            Self::Host(_) => RefusedFor::Host,
            Self::Intermediary(Intermediary::Browser(_)) => RefusedFor::Browser,
            Self::Intermediary(Intermediary::Proxy(_)) | Self::ProxyTarget => RefusedFor::Proxy,
        }
    }
}

/// Why a request for credentials is refused before its client is identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusedFor {
    Host,
    Browser,
    Proxy,
}

impl RefusedFor {
    /// All kinds, with their labels in metrics.
    pub(crate) const ALL: [(Self, &'static str); 3] =
        [(Self::Host, "host"), (Self::Browser, "browser"), (Self::Proxy, "proxy")];
}

/// Checks that a request comes directly from a client of this listener. `local` is the address that the client
/// connected to; `configured` are the names that the operator configured.
///
/// # Errors
/// The request was composed by a web page, passed through a proxy, or is for another host.
pub(super) fn check<B>(request: &Request<B>, local: SocketAddr, configured: &[String]) -> Result<(), IndirectRequest> {
    if is_proxy_target(request.uri()) {
        return Err(IndirectRequest::ProxyTarget);
    }
    let headers = request.headers();
    let host = one_host(headers).unwrap_or_default();
    if !is_ours(&host, local, configured) {
        return Err(IndirectRequest::Host(excerpt(&host)));
    }
    any_header(headers.keys().map(HeaderName::as_str)).map_or(Ok(()), |sign| Err(IndirectRequest::Intermediary(sign)))
}

/// `http://host/path` and `host:port` are the targets that clients send to proxies.
fn is_proxy_target(target: &Uri) -> bool {
    target.authority().is_some() || target.scheme().is_some()
}

/// The only `Host` of a request. Two of them are ambiguous.
fn one_host(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none())?;
    host.to_str().ok().map(str::to_ascii_lowercase)
}

fn is_ours(host: &str, local: SocketAddr, configured: &[String]) -> bool {
    let (name, port) = split(host);
    if port.is_some_and(|port| !is_port(port)) {
        return false;
    }
    let address = match local.ip().to_canonical() {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => format!("[{six}]"),
    };
    let built_in = LOOPBACK.contains(&name) || name == address;
    // A client leaves out the scheme's default port. Through a port mapping the port differs, and `hosts`
    // must list the name.
    let port_fits = port.is_none_or(|port| port == local.port().to_string());
    built_in && port_fits || configured.iter().any(|own| own == host || own == name)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn split(host: &str) -> (&str, Option<&str>) {
    let end = if host.starts_with('[') { host.find(']').map_or(host.len(), |at| at + 1) } else { 0 };
    match host[end..].find(':') {
        Some(colon) => (&host[..end + colon], Some(&host[end + colon + 1..])),
        None => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_address_that_was_connected_to_a_loopback_name_or_a_configured_one() {
        let own = ["creds.internal".to_owned(), "node:8080".to_owned()];
        let at = |local: &str, host: &str| is_ours(host, local.parse().unwrap(), &own);
        for (local, host) in [
            ("127.0.0.1:8623", "127.0.0.1:8623"),
            ("127.0.0.1:8623", "localhost:8623"),
            ("127.0.0.1:8623", "localhost"),
            ("10.0.0.7:8623", "10.0.0.7:8623"),
            ("10.0.0.7:80", "10.0.0.7"),
            ("[::ffff:10.0.0.7]:8623", "10.0.0.7:8623"),
            ("[::1]:8623", "[::1]:8623"),
            ("[2001:db8::7]:8623", "[2001:db8::7]:8623"),
            ("10.0.0.7:8623", "creds.internal"),
            ("10.0.0.7:8623", "creds.internal:9"),
            ("10.0.0.7:8623", "node:8080"),
        ] {
            assert!(at(local, host), "{host} at {local}");
        }
        for (local, host) in [
            ("127.0.0.1:8623", ""),
            ("127.0.0.1:8623", "evil.example.com"),
            ("127.0.0.1:8623", "evil.example.com:8623"),
            ("127.0.0.1:8623", "localhost:80"),
            ("127.0.0.1:8623", "localhost.evil.example.com"),
            ("127.0.0.1:8623", "127.0.0.1.evil.example.com"),
            ("127.0.0.1:8623", "127.0.0.2:8623"),
            ("127.0.0.1:8623", "[::1"),
            ("127.0.0.1:8623", "127.0.0.1:8623:1"),
            ("10.0.0.7:8623", "node"),
            ("10.0.0.7:8623", "node:80"),
            ("10.0.0.7:8623", "creds.internal:"),
            ("10.0.0.7:8623", "creds.internal:http"),
            ("10.0.0.7:8623", "creds.internal:+80"),
            ("10.0.0.7:8623", "creds.internal:65536"),
            ("10.0.0.7:8623", "creds.internal:80:80"),
            ("10.0.0.7:8623", "creds.internal:80@evil.example.com"),
        ] {
            assert!(!at(local, host), "{host} at {local}");
        }
    }
}
