//! `instance_role`: the gateway's own key is that of the RAM role of the ECS instance it runs on.

use toml::Spanned;

use super::protected_url::is_protected_url;
use super::reader::Reader;

/// A role, and who gives its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRoleSettings {
    pub role: String,
    /// `http://HOST[:PORT]`, without a path.
    pub metadata_url: String,
}

/// Where an ECS instance finds its metadata. Whoever is on the way there is the instance's own host.
const METADATA: &str = "http://100.100.100.200";

const LONGEST_NAME: usize = 64;

impl Reader<'_> {
    /// The role, where one is written.
    pub(super) fn instance_role(
        &mut self,
        role: Option<Spanned<String>>,
        metadata_url: Option<Spanned<String>>,
    ) -> Option<InstanceRoleSettings> {
        if let (None, Some(url)) = (&role, &metadata_url) {
            let help = "write `instance_role` too, or leave it out";
            self.complain(url.span(), "`metadata_url` is of use with `instance_role` only", help);
        }
        let role = role?;
        let name = role.get_ref();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(character) {
            let help = "write the name alone, as the console shows it: 1 to 64 letters, digits, `.`, `_` or `-`";
            self.complain(role.span(), &format!("`{name}` is no name of a RAM role"), help);
        }
        let metadata_url = metadata_url.map_or_else(|| METADATA.to_owned(), |url| self.metadata_url(&url));
        Some(InstanceRoleSettings { role: role.into_inner(), metadata_url })
    }

    fn metadata_url(&mut self, written: &Spanned<String>) -> String {
        let url = written.get_ref().trim_end_matches('/');
        if !is_metadata_url(url) {
            let what =
                format!("`{url}` is no place to take a key from: whoever is on the way could read and change it");
            let help = "leave it out, or write `http://127.0.0.1:PORT` or `https://HOST[:PORT]`";
            self.complain(written.span(), &what, help);
        }
        url.to_owned()
    }
}

/// Scheme, host and port alone, of a place that nobody stands in front of.
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
    fn a_key_is_taken_from_this_machine_and_its_host_alone() {
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
