//! Whether a call names a host this gateway answers for (`spec/wire-protocol.md` 8, rows 24 and 32).

use crate::ram::Region;

/// Why a `Host` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostFault {
    #[error("the host `{0}` is not one this gateway answers for")]
    Unknown(String),
    #[error("the host `{0}` is no ECS endpoint")]
    OtherProduct(String),
    #[error("the host is `{host}` and the TLS handshake asked for `{server_name}`")]
    ServerName { host: String, server_name: String },
    #[error("the host names the region `{host}` and the call the region `{call}`")]
    Region { host: String, call: String },
}

/// A host under `aliyuncs.com` that is an ECS endpoint, with the region it names, if it names one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    region: Option<Region>,
}

/// Names without a region: central, and the old central one.
const CENTRAL: [&str; 2] = ["ecs.aliyuncs.com", "ecs-cn-hangzhou.aliyuncs.com"];

/// Checks a `Host` against the configured names, or, where none are, against what may stand under `aliyuncs.com`.
pub(super) fn accept(host: &str, configured: &[String]) -> Result<Accepted, HostFault> {
    let host = host.to_ascii_lowercase();
    let bare = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    if !configured.is_empty() && !configured.iter().any(|name| *name == host || name == bare) {
        return Err(HostFault::Unknown(host));
    }
    if bare != "aliyuncs.com" && !bare.ends_with(".aliyuncs.com") {
        return Ok(Accepted { region: None });
    }
    if CENTRAL.contains(&bare) {
        return Ok(Accepted { region: None });
    }
    let endpoint = bare.strip_prefix("ecs.").or_else(|| bare.strip_prefix("ecs-vpc."));
    let region = endpoint.and_then(|rest| rest.strip_suffix(".aliyuncs.com")).and_then(|region| region.parse().ok());
    match region {
        Some(region) => Ok(Accepted { region: Some(region) }),
        None => Err(HostFault::OtherProduct(host)),
    }
}

impl Accepted {
    pub(super) fn check_region(&self, called: &Region) -> Result<(), HostFault> {
        match &self.region {
            Some(host) if host != called => Err(HostFault::Region { host: host.to_string(), call: called.to_string() }),
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
            assert!(accept(good, &[]).is_ok(), "{good}");
        }
        for bad in [
            "rds.aliyuncs.com",
            "ecs.cn-hangzhou.evil.aliyuncs.com",
            "aliyuncs.com",
            "sts.cn-hangzhou.aliyuncs.com",
            "rds.aliyuncs.com.",
        ] {
            assert!(accept(bad, &[]).is_err(), "{bad}");
        }
        let accepted = accept("ecs.cn-beijing.aliyuncs.com", &[]).unwrap();
        assert!(accepted.check_region(&"cn-hangzhou".parse().unwrap()).is_err());
        assert!(accept("other", &["gw.internal".to_owned()]).is_err());
        assert!(accept("GW.internal:8620", &["gw.internal".to_owned()]).is_ok());
    }
}
