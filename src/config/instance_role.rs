//! `instance_role`: the gateway's own key comes from the RAM role of the ECS instance that it runs on.

use toml::Spanned;

use super::protected_url::is_protected_url;
use super::reader::Reader;

/// A role, and the metadata service that gives out its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRoleSettings {
    pub role: String,
    /// `http://HOST[:PORT]`, without a path.
    pub metadata_url: String,
}

/// The metadata service of an ECS instance. Plain http is safe here: the instance's own host answers it.
const METADATA: &str = "http://100.100.100.200";

const LONGEST_NAME: usize = 64;

impl Reader<'_> {
    /// The role, if the configuration names one.
    pub(super) fn instance_role(
        &mut self,
        role: Option<Spanned<String>>,
        metadata_url: Option<Spanned<String>>,
    ) -> Option<InstanceRoleSettings> {
        if let (None, Some(url)) = (&role, &metadata_url) {
            let help = "add `instance_role`, or remove it";
            self.report(url.span(), "`metadata_url` is set without `instance_role`", help);
        }
        let role = role?;
        let name = role.get_ref();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(character) {
            let help = "write only the name, as the console shows it: 1 to 64 letters, digits, `.`, `_` or `-`";
            self.report(role.span(), &format!("`{name}` is not a valid name of a RAM role"), help);
        }
        let metadata_url = metadata_url.map_or_else(|| METADATA.to_owned(), |url| self.metadata_url(&url));
        Some(InstanceRoleSettings { role: role.into_inner(), metadata_url })
    }

    fn metadata_url(&mut self, raw: &Spanned<String>) -> String {
        let url = raw.get_ref().trim_end_matches('/');
        if !is_metadata_url(url) {
            let title = format!("`{url}` is not a safe source of keys: they could be read and changed in transit");
            let help = "remove it, or write `http://127.0.0.1:PORT` or `https://HOST[:PORT]`";
            self.report(raw.span(), &title, help);
        }
        url.to_owned()
    }
}

/// Whether the URL is only scheme, host and port, and its answers cannot be changed in transit.
fn is_metadata_url(url: &str) -> bool {
    let authority = url.split_once("://").map(|(_, authority)| authority);
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    let bare = authority.is_some_and(|authority| !authority.is_empty() && authority.bytes().all(character));
    bare && (url == METADATA || is_protected_url(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_loopback_and_the_metadata_address_are_accepted() {
        for (url, expected) in [
            ("http://100.100.100.200", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("https://metadata.internal", true),
            ("http://100.100.100.201", false),
            ("http://100.100.100.200.example", false),
            ("http://100.100.100.200@example", false),
            ("http://100.100.100.200:80", false),
            ("http://127.0.0.1:8080/latest", false),
            ("http://metadata.internal", false),
            ("https://a/b?c", false),
            ("127.0.0.1", false),
            ("http://", false),
        ] {
            assert_eq!(is_metadata_url(url), expected, "{url}");
        }
    }
}
