//! What is refused unless it is asked for.

/// Exceptions somebody asked for by name.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Insecure {
    /// Start without a single policy: everybody is refused
    #[arg(long, help_heading = "Exceptions")]
    pub(super) insecure_no_policy: bool,
    /// Forward over plain http to an upstream that is not on loopback
    #[arg(long, help_heading = "Exceptions")]
    pub(super) insecure_plain_upstream: bool,
    /// Listen without TLS on an address that is not loopback
    #[arg(long, help_heading = "Exceptions")]
    pub(super) insecure_plain_listener: bool,
    /// Tell health and metrics without TLS on an address that is not loopback
    #[arg(long, help_heading = "Exceptions")]
    pub(super) insecure_plain_admin: bool,
    /// Believe every address about who is behind it: a range of trusted proxies covers everyone
    #[arg(long, help_heading = "Exceptions")]
    pub(super) insecure_trusted_proxies: bool,
    /// Read key files that others can read
    #[arg(long, help_heading = "Exceptions")]
    pub(super) insecure_key_file_mode: bool,
}
