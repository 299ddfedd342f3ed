//! Whether a call names a host this gateway answers for (`docs/spec/wire-protocol.md` 8, rows 24 and 32).

use crate::ram::Region;

use super::target::Product;
use crate::catalog::ECS;

/// Why a `Host` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("the host `{0}` is not one this gateway answers for")]
    Unknown(String),
    #[error("the host `{0}` is no ECS endpoint")]
    OtherProduct(String),
    #[error("the host is `{host}` and the TLS handshake asked for `{server_name}`")]
    ServerName { host: String, server_name: String },
    #[error("the host names the region `{host}` and the call the region `{call}`")]
    Region { host: String, call: String },
}

/// The product that a host chooses, and the region it names, if it names one.
#[derive(Debug)]
pub(crate) struct Accepted<'a> {
    /// None for ECS.
    pub(crate) product: Option<&'a Product>,
    region: Option<Region>,
    /// Whether it is an endpoint of STS.
    pub(crate) sts: bool,
    host: String,
    /// Whether it is one of the names that are configured.
    configured: bool,
}

/// Names without a region: central, and the old central one.
const CENTRAL: [&str; 2] = ["ecs.aliyuncs.com", "ecs-cn-hangzhou.aliyuncs.com"];

/// By which names callers may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// The configured ones, where there are any.
    Configured,
    /// Any: what a name must be depends on whether it goes on.
    Any,
}

/// Checks a `Host` against the configured names, or, where none are, against what may stand under `aliyuncs.com`. `sts`
/// says whether calls of STS are answered.
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

/// The region in a host of the vendor's, such as `ecs-vpc.cn-hangzhou.aliyuncs.com`.
fn region_of(bare: &str, service: &str) -> Option<Region> {
    let rest = bare.strip_prefix(service)?;
    let endpoint = rest.strip_prefix('.').or_else(|| rest.strip_prefix("-vpc."));
    endpoint?.strip_suffix(".aliyuncs.com")?.parse().ok()
}

impl Accepted<'_> {
    /// An endpoint of STS takes no calls but those of STS.
    pub(crate) fn check_service(&self) -> Result<(), HostError> {
        if self.sts { Err(HostError::OtherProduct(self.host.clone())) } else { Ok(()) }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.configured
    }

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
    fn a_host_under_aliyuncs_is_an_ecs_endpoint() {
        for good in [
            "127.0.0.1:8620",
            "gw.internal",
            "ecs.cn-hangzhou.aliyuncs.com",
            "ECS-VPC.cn-hangzhou.aliyuncs.com:443",
            "ecs.aliyuncs.com",
        ] {
            assert!(accept(good, Names::Configured, &[], &[], false).is_ok(), "{good}");
        }
        for bad in [
            "rds.aliyuncs.com",
            "ecs.cn-hangzhou.evil.aliyuncs.com",
            "aliyuncs.com",
            "sts.cn-hangzhou.aliyuncs.com",
            "rds.aliyuncs.com.",
        ] {
            assert!(accept(bad, Names::Configured, &[], &[], false).is_err(), "{bad}");
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
