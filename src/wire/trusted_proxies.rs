//! The networks whose statements about a caller are trusted.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Address ranges of trusted proxies. Empty by default, so that no proxy is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts the proxies in these ranges.
    pub fn new(ranges: impl IntoIterator<Item = IpNet>) -> Self {
        Self(ranges.into_iter().map(canonical).collect())
    }

    /// Whether an address is in one of the ranges.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }

    /// Whether the ranges together contain every address of a family.
    pub fn covers_everyone(&self) -> bool {
        IpNet::aggregate(&self.0).iter().any(|range| range.prefix_len() == 0)
    }

    /// Whether no proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Converts a range of IPv4-mapped IPv6 addresses into the IPv4 range, because addresses are compared in that form.
fn canonical(range: IpNet) -> IpNet {
    let IpNet::V6(six) = range else { return range };
    let four = six.addr().to_ipv4_mapped().filter(|_| six.prefix_len() >= 96);
    let four = four.and_then(|four| Ipv4Net::new(four, six.prefix_len() - 96).ok());
    four.map_or(range, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(ranges: &[&str]) -> TrustedProxies {
        TrustedProxies::new(ranges.iter().map(|range| range.parse().unwrap()))
    }

    #[test]
    fn an_address_is_compared_with_a_range_in_canonical_form() {
        let trusted = proxies(&["10.0.0.0/8", "::ffff:192.0.2.0/120", "2001:db8::/32"]);
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"] {
            assert!(trusted.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.3.1", "::ffff:11.0.0.1", "2001:db9::1", "::10.1.2.3"] {
            assert!(!trusted.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn ranges_that_cover_every_address_are_recognised() {
        for all in [
            &["0.0.0.0/0"][..],
            &["::/0"],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &["::ffff:0.0.0.0/96"],
            &["10.0.0.0/8", "::/1", "8000::/1"],
        ] {
            assert!(proxies(all).covers_everyone(), "{all:?}");
        }
        for some in [&["0.0.0.0/1"][..], &["10.0.0.0/8", "2001:db8::/32"], &[]] {
            assert!(!proxies(some).covers_everyone(), "{some:?}");
        }
    }
}
