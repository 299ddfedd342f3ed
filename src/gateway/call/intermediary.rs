//! Signs that a request was composed by a web page or forwarded by a proxy, and not sent by the holder of the
//! credential.
//!
//! A network location and a certificate are ambient credentials: they accompany every request, including one that a web
//! page or a careless server made the client send. Instance metadata services in hardened mode refuse such requests by
//! headers that a page cannot omit and a naive proxy does not omit. The listeners for calls and for credentials do the
//! same. No SDK sends any of these headers.

/// A header that only a browser or a proxy sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Intermediary {
    #[error("the header `{0}` says that a web page composed the request")]
    Browser(&'static str),
    #[error("the header `{0}` says that a proxy forwarded the request")]
    Proxy(&'static str),
}

/// Headers that proxies add, in addition to `X-Forwarded-…`.
const PROXY: [&str; 3] = ["forwarded", "via", "x-real-ip"];
/// Headers that browsers add. `Sec-Fetch-Mode` is not among them, because `fetch` of Node.js sends it; `Referer` is,
/// because a browser also sends it when it follows a redirect.
const BROWSER: [&str; 5] = ["origin", "referer", "sec-fetch-dest", "sec-fetch-site", "sec-fetch-user"];

/// The first such header among the names; its value does not matter.
pub(crate) fn any_header<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Intermediary> {
    names.into_iter().find_map(|name| proxy(name).or_else(|| listed(name, &BROWSER).map(Intermediary::Browser)))
}

/// The first sign that a call with a certificate was made by a web page or came through a proxy. A request that a
/// person made by hand (`Sec-Fetch-Site: none`), in the address bar for example, does not come from a page.
pub(crate) fn foreign_header<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Option<Intermediary> {
    headers.into_iter().find_map(|(name, value)| {
        let by_hand = name.eq_ignore_ascii_case("sec-fetch-site") && value.trim_ascii() == b"none";
        let browser = listed(name, &["origin", "sec-fetch-site"]).filter(|_| !by_hand);
        proxy(name).or_else(|| browser.map(Intermediary::Browser))
    })
}

fn proxy(name: &str) -> Option<Intermediary> {
    let forwarded = name.as_bytes().get(..12).is_some_and(|head| head.eq_ignore_ascii_case(b"x-forwarded-"));
    let found = if forwarded { Some("X-Forwarded-…") } else { listed(name, &PROXY) };
    found.map(Intermediary::Proxy)
}

fn listed(name: &str, of: &[&'static str]) -> Option<&'static str> {
    of.iter().find(|listed| listed.eq_ignore_ascii_case(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sdk_headers_are_accepted() {
        let plain = ["Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "sec-fetch-mode", "X-Forward"];
        assert_eq!(any_header(plain), None);
        for name in ["Origin", "SEC-FETCH-SITE", "Sec-Fetch-Dest", "sec-fetch-user", "Referer"] {
            assert!(matches!(any_header(["Host", name]), Some(Intermediary::Browser(_))), "{name}");
        }
        for name in ["X-Forwarded-For", "x-forwarded-host", "Via", "Forwarded", "X-Real-IP"] {
            assert!(matches!(any_header(["Host", name]), Some(Intermediary::Proxy(_))), "{name}");
        }
    }

    #[test]
    fn a_request_made_by_hand_is_not_foreign() {
        let sign = |name, value: &'static str| foreign_header([("Host", &b"x"[..]), (name, value.as_bytes())]);
        assert_eq!(sign("Sec-Fetch-Site", "none"), None);
        assert_eq!(sign("Referer", "http://evil.example"), None);
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("sec-fetch-site", "same-origin"),
            ("Sec-Fetch-Site", "none, cross-site"),
        ] {
            assert_eq!(sign(name, value), Some(Intermediary::Browser("sec-fetch-site")), "{value}");
        }
        assert_eq!(sign("Origin", "null"), Some(Intermediary::Browser("origin")));
        assert_eq!(sign("Via", "1.1 proxy"), Some(Intermediary::Proxy("via")));
    }
}
