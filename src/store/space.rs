//! Limits of the operating system: free disk space and the listen backlog.

use std::path::Path;

/// The free bytes for a process without privileges; `None` if unknown.
#[cfg(unix)]
pub fn free_space(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

/// The kernel's limit for connections that wait to be accepted; `None` if unknown.
pub fn listen_backlog_limit() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?.trim().parse().ok()
}
