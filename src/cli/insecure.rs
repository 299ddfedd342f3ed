//! Flags that allow settings which are refused as insecure by default.

use crate::serve::{Exception, Exceptions};

/// One flag for each exception.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Insecure {
    /// Start without a single policy, so that every caller is refused
    #[arg(long, help_heading = "Exceptions")]
    insecure_no_policy: bool,
    /// Forward over plain http to an upstream that is not on loopback
    #[arg(long, help_heading = "Exceptions")]
    insecure_plain_upstream: bool,
    /// Listen without TLS on an address that is not loopback
    #[arg(long, help_heading = "Exceptions")]
    insecure_plain_listener: bool,
    /// Serve health and metrics without TLS on an address that is not loopback
    #[arg(long, help_heading = "Exceptions")]
    insecure_plain_admin: bool,
    /// Allow a range of trusted proxies that covers every address, so that any client can forge its source address
    #[arg(long, help_heading = "Exceptions")]
    insecure_trusted_proxies: bool,
    /// Read key files that other users can read
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
