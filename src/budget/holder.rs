//! The holder of a budget.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::ram::AccessKeyId;
use ram_policy::{AccountId, Principal};

use super::item::HolderKind;

/// The holder of a budget. Cloning does not allocate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    pub(super) party: Party,
    /// A part of the holder with a budget of its own, such as a cluster. Nothing sets it yet.
    within: Option<Arc<str>>,
}

/// The party that a budget belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    /// An identified caller, with any of its keys, sessions, tokens and addresses.
    Principal(Principal),
    /// A principal that is used from one source, for example by means of a token.
    PrincipalAt(Source, Principal),
    /// A claimed but unverified key. Key ids are public, so each source has a separate budget for the key.
    Claimed(Source, AccessKeyId),
    /// A caller of whom only the source is known.
    Source(Source),
    /// An account that this gateway does not serve, but whose keys the real STS confirmed.
    Account(AccountId),
    /// All sources together.
    AllSources,
}

/// The source of calls: an IPv4 address, or an IPv6 /64 network, because every subscriber has at least one such
/// network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    V4(Ipv4Addr),
    /// The first 64 bits of the address.
    V6(u64),
}

impl Holder {
    /// An identified principal.
    pub(crate) const fn principal(principal: Principal) -> Self {
        Self { party: Party::Principal(principal), within: None }
    }

    /// A principal that is used from one source.
    pub(crate) const fn principal_at(source: Source, principal: Principal) -> Self {
        Self { party: Party::PrincipalAt(source, principal), within: None }
    }

    /// A claimed but unverified key at one source.
    pub(crate) const fn claimed(source: Source, key: AccessKeyId) -> Self {
        Self { party: Party::Claimed(source, key), within: None }
    }

    /// A source of calls.
    pub(crate) const fn source(source: Source) -> Self {
        Self { party: Party::Source(source), within: None }
    }

    /// An account that is not served here.
    pub(crate) const fn account(account: AccountId) -> Self {
        Self { party: Party::Account(account), within: None }
    }

    /// Also used for events that concern the gateway as a whole and not a caller.
    pub(crate) const fn all_sources() -> Self {
        Self { party: Party::AllSources, within: None }
    }

    /// The holder that is charged as well: a principal for its use at one source, a source for the keys claimed from
    /// it, and all sources together for each source.
    pub(super) fn wider(&self) -> Option<Self> {
        match &self.party {
            Party::PrincipalAt(_, principal) => Some(Self::principal(principal.clone())),
            Party::Claimed(source, _) => Some(Self::source(*source)),
            Party::Source(_) => Some(Self::all_sources()),
            Party::Principal(_) | Party::Account(_) | Party::AllSources => None,
        }
    }

    /// The party that the budget belongs to.
    pub(crate) const fn party(&self) -> &Party {
        &self.party
    }

    /// Whether this is an identified principal. The configuration bounds how many of those exist.
    pub(crate) const fn is_principal(&self) -> bool {
        matches!(self.party, Party::Principal(_))
    }

    /// The table of limits that applies to it.
    pub(crate) const fn kind(&self) -> HolderKind {
        match self.party {
            Party::Principal(_) | Party::PrincipalAt(..) => HolderKind::Principal,
            Party::Claimed(..) | Party::Source(_) | Party::Account(_) | Party::AllSources => HolderKind::Source,
        }
    }
}

impl Source {
    /// The network's first address.
    pub(crate) fn address(self) -> IpAddr {
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
        match &self.party {
            Party::Principal(principal) => write!(f, "{principal}")?,
            Party::PrincipalAt(source, principal) => write!(f, "{principal} at {source}")?,
            Party::Claimed(source, key) => write!(f, "key {} from {source}", key.masked())?,
            Party::Source(source) => write!(f, "{source}")?,
            Party::Account(account) => write!(f, "account {account}")?,
            Party::AllSources => f.write_str("all sources")?,
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
