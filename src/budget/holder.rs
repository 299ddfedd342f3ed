//! To whom a budget belongs.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::ram::{AccessKeyId, AccountId, Principal};

use super::item::Whose;

/// The holder of a budget. A clone costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    pub(super) who: Who,
    /// A part of a principal that has its own budget, a cluster for example. Not set yet.
    within: Option<Arc<str>>,
}

/// What a holder is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// A caller who was identified, whatever its key, session, token or address.
    Principal(Principal),
    /// A principal on whose behalf a caller acts from one source, with a token for instance.
    PrincipalAt(Source, Principal),
    /// A key that a call names and nothing proves. Key ids are public, so the key counts for each source by itself.
    Claimed(Source, AccessKeyId),
    /// A caller of whom nothing is known but where it is.
    Source(Source),
    /// An account that this gateway does not serve, whose keys the real STS confirmed.
    Account(AccountId),
    /// All sources together.
    Strangers,
}

/// An IPv4 address, or an IPv6 network of 64 bits: a subscriber has one at least, so its addresses tell nobody apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    V4(Ipv4Addr),
    /// The first 64 bits.
    V6(u64),
}

impl Holder {
    pub const fn principal(principal: Principal) -> Self {
        Self { who: Who::Principal(principal), within: None }
    }

    pub const fn principal_at(source: Source, principal: Principal) -> Self {
        Self { who: Who::PrincipalAt(source, principal), within: None }
    }

    pub const fn claimed(source: Source, key: AccessKeyId) -> Self {
        Self { who: Who::Claimed(source, key), within: None }
    }

    pub const fn source(source: Source) -> Self {
        Self { who: Who::Source(source), within: None }
    }

    pub const fn account(account: AccountId) -> Self {
        Self { who: Who::Account(account), within: None }
    }

    /// Also for what happens to the gateway as a whole, and counts for no caller.
    pub const fn strangers() -> Self {
        Self { who: Who::Strangers, within: None }
    }

    /// Who answers for this holder besides: a source for the keys that are claimed there, all sources for each.
    pub(super) fn wider(&self) -> Option<Self> {
        match &self.who {
            Who::PrincipalAt(_, principal) => Some(Self::principal(principal.clone())),
            Who::Claimed(source, _) => Some(Self::source(*source)),
            Who::Source(_) => Some(Self::strangers()),
            Who::Principal(_) | Who::Account(_) | Who::Strangers => None,
        }
    }

    pub const fn who(&self) -> &Who {
        &self.who
    }

    /// Whether its holder was identified, so that there are only as many as the configuration knows.
    pub const fn is_principal(&self) -> bool {
        matches!(self.who, Who::Principal(_))
    }

    /// The table of limits that it is judged by.
    pub const fn whose(&self) -> Whose {
        match self.who {
            Who::Principal(_) | Who::PrincipalAt(..) => Whose::Principal,
            Who::Claimed(..) | Who::Source(_) | Who::Account(_) | Who::Strangers => Whose::Source,
        }
    }
}

impl Source {
    /// The network's first address.
    pub fn address(self) -> IpAddr {
        match self {
            Self::V4(address) => address.into(),
            Self::V6(network) => Ipv6Addr::from_bits(u128::from(network) << 64).into(),
        }
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(_) => write!(f, "{}/64", self.address()),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Principal(principal) => write!(f, "{principal}")?,
            Who::PrincipalAt(source, principal) => write!(f, "{principal} at {source}")?,
            Who::Claimed(source, key) => write!(f, "key {} from {source}", key.masked())?,
            Who::Source(source) => write!(f, "{source}")?,
            Who::Account(account) => write!(f, "account {account}")?,
            Who::Strangers => f.write_str("all sources")?,
        }
        self.within.as_ref().map_or(Ok(()), |within| write!(f, " in {within}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_ipv4_address_or_a_network_of_64_bits() {
        let source = |address: &str| Source::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff::2"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("2001:db8:0:1::1").to_string(), "2001:db8:0:1::/64");
    }
}
