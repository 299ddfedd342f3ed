//! Reads what a trusted proxy states about the call it forwards (`docs/spec/wire-protocol.md` 8, row 12).
//!
//! The only place that reads `X-Forwarded-For` and `X-Forwarded-Proto`; it must be called only for a trusted peer.
//! `Forwarded`, `X-Real-IP` and similar headers are ignored.

use std::net::{IpAddr, SocketAddr};

use super::error::excerpt;
use super::trusted_proxies::TrustedProxies;

/// Where a call comes from, and whether its caller used TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The caller's address: the peer's own, or the one that trusted proxies state.
    pub source: IpAddr,
    /// Whether the caller's own connection uses TLS: to the gateway, or to the first trusted proxy.
    pub secure: bool,
}

/// A header of the proxy that cannot be interpreted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// A visited hop is not an address. Contains an excerpt of it.
    #[error("`X-Forwarded-For` contains the hop `{0}`, which is not an address: let the proxy write addresses only")]
    Hop(String),
    /// The 32 right-most hops are all trusted, and there are more.
    #[error("`X-Forwarded-For` contains more than {MOST_HOPS} trusted hops")]
    Hops,
    /// The protocol is not `http` or `https`, or is stated twice. Contains an excerpt of the header's value.
    #[error("`X-Forwarded-Proto` is `{0}`: let the proxy write `http` or `https`, once")]
    Proto(String),
}

/// More proxies in a row than any real deployment has.
const MOST_HOPS: usize = 32;

/// Walks the hops from right to left, treating several headers as one list. The first untrusted hop is the caller; if
/// every hop is trusted, the left-most one is. Anything further to the left was written by the caller and is ignored.
///
/// TLS between the proxy and the gateway (`peer.secure`) counts only if there is no other hop: a proxy that names a
/// caller without stating the protocol does not vouch for TLS.
///
/// # Errors
/// A visited hop that is not an address, or a protocol other than `http` and `https`.
pub fn read_forwarded<'a>(
    peer: Forwarded,
    headers: &(impl Iterator<Item = (&'a str, &'a [u8])> + Clone),
    trusted: &TrustedProxies,
) -> Result<Forwarded, ForwardedError> {
    let values = |wanted: &'static str| {
        headers.clone().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let lists: Vec<&[u8]> = values("x-forwarded-for").collect();
    let mut source = None;
    for (count, hop) in lists.iter().rev().flat_map(|list| list.rsplit(|byte| *byte == b',')).enumerate() {
        if count == MOST_HOPS {
            return Err(ForwardedError::Hops);
        }
        let address = read_hop(hop).ok_or_else(|| ForwardedError::Hop(excerpt(hop.trim_ascii())))?;
        source = Some(address);
        if !trusted.contains(address) {
            break;
        }
    }
    let mut secure = None;
    for value in values("x-forwarded-proto") {
        let proto = value.trim_ascii();
        let stated = [("http", false), ("https", true)]
            .into_iter()
            .find(|(name, _)| proto.eq_ignore_ascii_case(name.as_bytes()))
            .filter(|_| secure.is_none());
        secure = Some(stated.ok_or_else(|| ForwardedError::Proto(excerpt(proto)))?.1);
    }
    let peer_secure = source.is_none() && peer.secure;
    Ok(Forwarded { source: source.unwrap_or(peer.source), secure: secure.unwrap_or(peer_secure) })
}

/// An address with or without a port. An IPv4-mapped IPv6 address becomes the IPv4 address.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop.trim_ascii()).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(six) = bare {
        return six.parse().map(IpAddr::V6).ok().map(|address| address.to_canonical());
    }
    // A zone index is meaningful on one machine only.
    let with_port = || text.parse::<SocketAddr>().ok().filter(|_| !text.contains('%')).map(|socket| socket.ip());
    text.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(headers: &[(&str, &[u8])], encrypted: bool) -> Result<Forwarded, ForwardedError> {
        let trusted = TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32"].map(|range| range.parse().unwrap()));
        let peer = Forwarded { source: "10.0.0.1".parse().unwrap(), secure: encrypted };
        read_forwarded(peer, &headers.iter().copied(), &trusted)
    }

    #[test]
    fn the_caller_is_the_right_most_hop_that_is_not_trusted() {
        let table: [(&[&str], &str); 14] = [
            (&[], "10.0.0.1"),
            (&["203.0.113.9"], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            (&["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (&["6.6.6.6, 203.0.113.9,10.0.0.2 ,\t10.0.0.3"], "203.0.113.9"),
            (&["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            (&["10.0.0.2", "203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["garbage, 203.0.113.9"], "203.0.113.9"),
            (&[", 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (&["203.0.113.9:4711, 10.0.0.2:80"], "203.0.113.9"),
            (&["[2001:db9::1]:443, [2001:db8::7]"], "2001:db9::1"),
            (&["::ffff:203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
            (&["2001:db9::1"], "2001:db9::1"),
        ];
        for (lists, expected) in table {
            let headers: Vec<_> = lists.iter().map(|list| ("X-Forwarded-For", list.as_bytes())).collect();
            assert_eq!(read(&headers, false).map(|it| it.source), Ok(expected.parse().unwrap()), "{lists:?}");
        }
    }

    #[test]
    fn a_visited_hop_must_be_an_address() {
        for bad in ["", "unknown", "203.0.113.9,", "203.0.113.9, , 10.0.0.2", "_hidden", "010.0.0.1", "fe80::1%eth0"] {
            assert!(
                matches!(read(&[("x-forwarded-for", bad.as_bytes())], false), Err(ForwardedError::Hop(_))),
                "{bad}"
            );
        }
        assert!(read(&[("x-forwarded-for", b"\xff\xfe")], false).is_err());
        let many = vec!["10.0.0.2"; MOST_HOPS + 1].join(",");
        assert_eq!(read(&[("x-forwarded-for", many.as_bytes())], false), Err(ForwardedError::Hops));
    }

    #[test]
    fn tls_is_as_the_proxy_states_or_as_the_proxy_connects() {
        let hop: (&str, &[u8]) = ("x-forwarded-for", b"203.0.113.9");
        let proto = |value: &'static str| ("X-Forwarded-Proto", value.as_bytes());
        let secure = |headers: &[(&str, &[u8])], encrypted| read(headers, encrypted).map(|it| it.secure);
        assert_eq!(secure(&[hop, proto("https")], false), Ok(true));
        assert_eq!(secure(&[hop, proto("HTTP")], true), Ok(false));
        assert_eq!(secure(&[hop], true), Ok(false), "the proxy does not state how the caller reached it");
        assert_eq!((secure(&[], true), secure(&[], false)), (Ok(true), Ok(false)));
        for bad in [&[proto("https, http")][..], &[proto("")], &[proto("wss")], &[proto("https"), proto("https")]] {
            assert!(matches!(secure(bad, true), Err(ForwardedError::Proto(_))), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_origin_or_an_error(value: Vec<u8>, proto: Vec<u8>) {
            let _ = read(&[("x-forwarded-for", &value), ("x-forwarded-proto", &proto)], true);
        }
    }
}
