//! Insecure settings, which are refused unless the operator allows each by name.

use crate::config::{Endpoint, is_protected_url};

use super::error::StartError;
use super::plan::{Keys, Material, Plan};

/// An insecure behaviour that the operator must allow by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// Start without a single policy, so that every caller is refused.
    NoPolicy,
    /// Forward over plain http to an upstream that is not on loopback.
    PlainUpstream,
    /// Listen without TLS on an address that is not loopback.
    PlainListener,
    /// Serve health and metrics without TLS on an address that is not loopback.
    PlainAdmin,
    /// Trust every address as a proxy that reports its client's address.
    TrustedProxies,
    /// Read key files that other users can read.
    KeyFileMode,
}

/// The exceptions that the operator allows. Empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Exception>);

impl Exceptions {
    /// Whether this exception is allowed.
    pub fn allow(&self, exception: Exception) -> bool {
        self.0.contains(&exception)
    }
}

impl FromIterator<Exception> for Exceptions {
    fn from_iter<I: IntoIterator<Item = Exception>>(exceptions: I) -> Self {
        Self(exceptions.into_iter().collect())
    }
}

impl Plan {
    /// Refuses settings that would expose callers, keys or calls, unless an exception allows them.
    pub(super) fn refuse_insecure(&self) -> Result<(), StartError> {
        self.refuse_demo_keys()?;
        self.refuse_plain_credentials()?;
        self.refuse_plain_admin()?;
        self.refuse_two_sts()?;
        self.refuse_plain_listener()?;
        self.refuse_everyone_as_proxy()?;
        self.refuse_plain_upstream()
    }

    fn refuse_demo_keys(&self) -> Result<(), StartError> {
        let listen = self.settings.listen;
        if listen.ip().is_loopback() || !matches!(self.keys, Keys::Material(Material::Demo)) {
            return Ok(());
        }
        let what = format!("`{listen}` is not loopback, and the demo's keys are public");
        Err(StartError::new(what, "listen on 127.0.0.1, or write your own key ring"))
    }

    fn refuse_plain_credentials(&self) -> Result<(), StartError> {
        let credentials = self.settings.issuer.as_ref().and_then(|issuer| issuer.credentials.as_ref());
        let exposed = credentials.filter(|it| self.is_plain() && !it.listen.ip().is_loopback());
        let Some(credentials) = exposed else { return Ok(()) };
        let what = format!("`{}` is not loopback, and would serve credentials without TLS", credentials.listen);
        Err(StartError::new(what, "add `[tls]` to the configuration, or listen on 127.0.0.1"))
    }

    fn refuse_plain_admin(&self) -> Result<(), StartError> {
        let admin = self.settings.admin.filter(|admin| !admin.listen.ip().is_loopback());
        let Some(admin) = admin.filter(|_| !self.exceptions.allow(Exception::PlainAdmin)) else { return Ok(()) };
        let what = format!("`{}` is not loopback, and would serve health and metrics without TLS", admin.listen);
        Err(StartError::new(what, "listen on 127.0.0.1 in `[admin]`, or start with `--insecure-plain-admin`"))
    }

    fn refuse_two_sts(&self) -> Result<(), StartError> {
        if self.settings.issuer.is_none() || self.settings.products.iter().all(|product| product.name != "sts") {
            return Ok(());
        }
        let what = "`[[product]]` `sts` is configured, but this gateway answers STS calls itself";
        Err(StartError::new(what, "remove one of the two: the product, or `[identity.issuer]`"))
    }

    fn refuse_plain_listener(&self) -> Result<(), StartError> {
        let listen = self.settings.listen;
        if !self.is_plain() || listen.ip().is_loopback() || self.exceptions.allow(Exception::PlainListener) {
            return Ok(());
        }
        let what = format!("`{listen}` is not loopback, and this listener has no TLS");
        Err(StartError::new(what, "add `[tls]` to the configuration, or start with `--insecure-plain-listener`"))
    }

    fn refuse_everyone_as_proxy(&self) -> Result<(), StartError> {
        let covers_everyone = self.settings.listener.proxies.trusted.covers_everyone();
        if !covers_everyone || self.exceptions.allow(Exception::TrustedProxies) {
            return Ok(());
        }
        let what = "`limits.trusted_proxies` covers all addresses, so any caller could forge its source address";
        Err(StartError::new(what, "name the addresses of your proxies, or start with `--insecure-trusted-proxies`"))
    }

    fn refuse_plain_upstream(&self) -> Result<(), StartError> {
        let ecs = match &self.settings.upstream.endpoint {
            Endpoint::Server { url, .. } => Some(url),
            Endpoint::Simulator if self.settings.products.is_empty() => None,
            Endpoint::Simulator => {
                let what = "a `[[product]]` is configured, but only the embedded ECS accepts the gateway's key";
                return Err(StartError::new(
                    what,
                    "give the `url` of a server in `[upstream]`, or remove the `[[product]]`",
                ));
            }
        };
        let mut urls = ecs.into_iter().chain(self.settings.products.iter().map(|product| &product.url));
        let plain = |url: &&String| url.starts_with("http://") && !is_protected_url(url);
        let Some(url) = urls.find(plain).filter(|_| !self.exceptions.allow(Exception::PlainUpstream)) else {
            return Ok(());
        };
        let what = format!("`{url}` is plain http and not on loopback: calls could be read and changed in transit");
        Err(StartError::new(what, "use https, or start with `--insecure-plain-upstream`"))
    }

    fn is_plain(&self) -> bool {
        self.settings.listener.tls.is_none()
    }
}
