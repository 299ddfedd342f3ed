//! The flags that allow what is refused as insecure.

use crate::serve::{Exception, Exceptions};

/// One flag for each exception.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Insecure {
    /// Start without a single policy: everybody is refused
    #[arg(long, help_heading = "Exceptions")]
    insecure_no_policy: bool,
    /// Forward over plain http to an upstream that is not on loopback
    #[arg(long, help_heading = "Exceptions")]
    insecure_plain_upstream: bool,
    /// Listen without TLS on an address that is not loopback
    #[arg(long, help_heading = "Exceptions")]
    insecure_plain_listener: bool,
    /// Tell health and metrics without TLS on an address that is not loopback
    #[arg(long, help_heading = "Exceptions")]
    insecure_plain_admin: bool,
    /// Believe every address about who is behind it: a range of trusted proxies covers everyone
    #[arg(long, help_heading = "Exceptions")]
    insecure_trusted_proxies: bool,
    /// Read key files that others can read
    #[arg(long, help_heading = "Exceptions")]
    insecure_key_file_mode: bool,
}

impl Insecure {
    pub(super) fn exceptions(self) -> Exceptions {
        let flags = [
            (self.insecure_no_policy, Exception::NoPolicy),
            (self.insecure_plain_upstream, Exception::PlainUpstream),
            (self.insecure_plain_listener, Exception::PlainListener),
            (self.insecure_plain_admin, Exception::PlainAdmin),
            (self.insecure_trusted_proxies, Exception::TrustedProxies),
            (self.insecure_key_file_mode, Exception::KeyFileMode),
        ];
        flags.into_iter().filter_map(|(given, exception)| given.then_some(exception)).collect()
    }
}
