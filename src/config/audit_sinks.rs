//! `[audit.stdout]` and `[audit.http]`: the sinks of the audit log besides its file.

use std::path::PathBuf;

use toml::Spanned;

use crate::identity::SecretPlace;

use super::byte_size;
use super::protected_url::is_protected_url;
use super::reader::Reader;

/// Standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StdoutSettings {
    /// Whether a call waits until its line is written there.
    pub required: bool,
}

/// A collector over HTTP.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub url: String,
    /// Replaces the system's root certificates.
    pub ca_file: Option<PathBuf>,
    /// A bearer token.
    pub token: Option<SecretPlace>,
    pub gzip: bool,
    /// The folder where lines wait to be sent.
    pub spool: PathBuf,
    pub spool_bytes: u64,
    /// Whether a call waits until its line is in the spool, on disk.
    pub required: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStdout {
    #[serde(default)]
    required: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    url: Spanned<String>,
    ca_file: Option<PathBuf>,
    token_env: Option<String>,
    token_file: Option<PathBuf>,
    token_command: Option<Vec<String>>,
    gzip: Option<bool>,
    spool: Option<PathBuf>,
    spool_bytes: Option<Spanned<byte_size::RawSize>>,
    #[serde(default)]
    required: bool,
}

const SPOOL: &str = "audit-spool";
const SPOOL_BYTES: u64 = 64 << 20;
const SMALLEST_SPOOL: u64 = 1 << 20;

impl From<RawStdout> for StdoutSettings {
    fn from(raw: RawStdout) -> Self {
        Self { required: raw.required }
    }
}

impl Reader<'_> {
    pub(super) fn audit_http(&mut self, raw: Spanned<RawHttp>) -> HttpSettings {
        let section = raw.span();
        let RawHttp { url, ca_file, token_env, token_file, token_command, gzip, spool, spool_bytes, required } =
            raw.into_inner();
        if !is_protected_url(url.get_ref()) || url.get_ref().contains(['@', '#', ' ']) {
            let title = format!("the audit log would not be protected in transit to `{}`", url.get_ref());
            self.report(url.span(), &title, "use `https://HOST[:PORT]/PATH`, or http to this machine");
        }
        let token = match (token_env, token_file, token_command) {
            (None, None, None) => None,
            (Some(name), None, None) => Some(SecretPlace::Environment(name)),
            (None, Some(path), None) => Some(SecretPlace::File(self.folder.join(path))),
            (None, None, Some(command)) => Some(SecretPlace::Command(command)),
            _ => {
                let help = "give one of `token_env`, `token_file` and `token_command`";
                self.report(section, "the token of `[audit.http]` is given more than once", help);
                None
            }
        };
        let spool_bytes = spool_bytes.map_or(SPOOL_BYTES, |size| {
            if size.get_ref().0 < SMALLEST_SPOOL {
                self.report(size.span(), "`spool_bytes` is too small", "give `1MiB` or more");
            }
            size.get_ref().0
        });
        HttpSettings {
            url: url.into_inner(),
            ca_file: ca_file.map(|path| self.folder.join(path)),
            token,
            gzip: gzip.unwrap_or(true),
            spool: self.folder.join(spool.unwrap_or_else(|| SPOOL.into())),
            spool_bytes,
            required,
        }
    }
}
