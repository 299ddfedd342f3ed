//! Whether an answer from a URL is protected in transit.

use std::net::IpAddr;

/// Whether the URL is https, or http to this machine.
pub fn is_protected_url(url: &str) -> bool {
    let authority = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    if let Some(rest) = url.strip_prefix("https://") {
        return !authority(rest).is_empty();
    }
    url.strip_prefix("http://").is_some_and(|rest| is_loopback(&authority(rest)))
}

fn is_loopback(authority: &str) -> bool {
    // The host of `127.0.0.1:80@elsewhere` is `elsewhere`.
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_are_protected() {
        for (url, expected) in [
            ("https://issuer.example/keys", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://[::1]/keys", true),
            ("http://[::1]:8080", true),
            ("http://localhost/keys", true),
            ("http://issuer.example/keys", false),
            ("http://127.0.0.1.example/keys", false),
            ("http://localhost.example/keys", false),
            ("http://127.0.0.1:80@elsewhere/keys", false),
            ("http:///127.0.0.1", false),
            ("https:///keys", false),
            ("ftp://issuer.example/keys", false),
            ("file:///etc/passwd", false),
            ("keys.json", false),
        ] {
            assert_eq!(is_protected_url(url), expected, "{url}");
        }
    }
}
