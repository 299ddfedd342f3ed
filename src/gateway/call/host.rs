//! Checks that a call names a host of this gateway (`docs/spec/wire-protocol.md` 8, rows 24 and 32).

use crate::ram::Region;

use super::target::Product;
use crate::catalog::ECS;

/// Why a `Host` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("the host `{0}` is not one this gateway answers for")]
    Unknown(String),
    #[error("the host `{0}` is not an ECS endpoint")]
    OtherProduct(String),
    #[error("the host is `{host}`, but the TLS handshake asked for `{server_name}`")]
    ServerName { host: String, server_name: String },
    #[error("the host names the region `{host}`, but the call names the region `{call}`")]
    Region { host: String, call: String },
}

/// An accepted host: the product it selects, and the region it names, if any.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    /// `None` for ECS and STS.
    pub(crate) product: Option<&'a Product>,
    region: Option<Region>,
    /// Whether it is an endpoint of STS.
    pub(crate) sts: bool,
    host: String,
    /// Whether the host is one of the configured names.
    configured: bool,
}

/// Names of ECS without a region: the central endpoint and its predecessor.
const CENTRAL: [&str; 2] = ["ecs.aliyuncs.com", "ecs-cn-hangzhou.aliyuncs.com"];

/// The host names that a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// The configured names, if there are any.
    Configured,
    /// Any name. In pass-through, only a signed `Host` must be a configured name, which is checked when the headers to
    /// forward are selected.
    Any,
}

/// Checks a `Host` against the configured names, if there are any. A name under `aliyuncs.com` must in any case be an
/// endpoint of ECS, of a product, or, with `sts`, of STS. `sts` means that this gateway answers calls of STS.
///
/// # Errors
/// The host is not a name of this gateway, or belongs to another product.
pub(crate) fn accept<'a>(
    host: &str,
    names: Names,
    configured: &[String],
    products: &'a [Product],
    sts: bool,
) -> Result<Accepted<'a>, HostError> {
    let host = host.to_ascii_lowercase();
    let bare = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let is_one_of = |names: &[String]| names.iter().any(|name| *name == host || name == bare);
    let configured_as_ecs = is_one_of(configured);
    let accepted =
        |region, sts| Accepted { product: None, region, sts, host: bare.to_owned(), configured: configured_as_ecs };
    if let Some(product) = products.iter().find(|product| is_one_of(&product.settings.hosts)) {
        let region = region_of(bare, &product.settings.name);
        return Ok(Accepted { product: Some(product), configured: true, ..accepted(region, false) });
    }
    if names == Names::Configured && !configured.is_empty() && !configured_as_ecs {
        return Err(HostError::Unknown(host));
    }
    if bare != "aliyuncs.com" && !bare.ends_with(".aliyuncs.com") || CENTRAL.contains(&bare) {
        return Ok(accepted(None, false));
    }
    if sts && (bare == "sts.aliyuncs.com" || region_of(bare, "sts").is_some()) {
        return Ok(accepted(None, true));
    }
    match region_of(bare, ECS) {
        Some(region) => Ok(accepted(Some(region), false)),
        None => Err(HostError::OtherProduct(host)),
    }
}

/// The region in a host name of the vendor, such as `ecs-vpc.cn-hangzhou.aliyuncs.com`.
fn region_of(bare: &str, service: &str) -> Option<Region> {
    let rest = bare.strip_prefix(service)?;
    let endpoint = rest.strip_prefix('.').or_else(|| rest.strip_prefix("-vpc."));
    endpoint?.strip_suffix(".aliyuncs.com")?.parse().ok()
}

impl Accepted<'_> {
    /// Checks that a call of another product was not sent to an endpoint of STS.
    ///
    /// # Errors
    /// The host is an endpoint of STS.
    pub(crate) fn check_service(&self) -> Result<(), HostError> {
        if self.sts { Err(HostError::OtherProduct(self.host.clone())) } else { Ok(()) }
    }

    /// Whether the host is one of the configured names.
    pub(crate) fn is_configured(&self) -> bool {
        self.configured
    }

    /// Checks that the host does not name another region than the call.
    ///
    /// # Errors
    /// The regions differ.
    pub(crate) fn check_region(&self, called: &Region) -> Result<(), HostError> {
        match &self.region {
            Some(host) if host != called => Err(HostError::Region { host: host.to_string(), call: called.to_string() }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_under_aliyuncs_must_be_an_endpoint_of_ecs_or_sts() {
        for accepted in [
            "127.0.0.1:8620",
            "gw.internal",
            "ecs.cn-hangzhou.aliyuncs.com",
            "ECS-VPC.cn-hangzhou.aliyuncs.com:443",
            "ecs.aliyuncs.com",
        ] {
            assert!(accept(accepted, Names::Configured, &[], &[], false).is_ok(), "{accepted}");
        }
        for refused in [
            "rds.aliyuncs.com",
            "ecs.cn-hangzhou.evil.aliyuncs.com",
            "aliyuncs.com",
            "sts.cn-hangzhou.aliyuncs.com",
            "rds.aliyuncs.com.",
        ] {
            assert!(accept(refused, Names::Configured, &[], &[], false).is_err(), "{refused}");
        }
        let accepted = accept("ecs.cn-beijing.aliyuncs.com", Names::Configured, &[], &[], false).unwrap();
        assert!(accepted.check_region(&"cn-hangzhou".parse().unwrap()).is_err());
        for sts in ["sts.aliyuncs.com", "sts.cn-hangzhou.aliyuncs.com", "sts-vpc.cn-hangzhou.aliyuncs.com"] {
            assert!(accept(sts, Names::Configured, &[], &[], false).is_err(), "{sts}");
            let accepted = accept(sts, Names::Configured, &[], &[], true).unwrap();
            assert!(accepted.sts && accepted.check_service().is_err(), "{sts}");
        }
        let own = ["gw.internal".to_owned()];
        assert!(accept("other", Names::Configured, &own, &[], false).is_err());
        assert!(accept("GW.internal:8620", Names::Configured, &own, &[], false).unwrap().is_configured());
        assert!(!accept("other", Names::Any, &own, &[], false).unwrap().is_configured());
        assert!(accept("rds.aliyuncs.com", Names::Any, &own, &[], false).is_err());
    }
}
