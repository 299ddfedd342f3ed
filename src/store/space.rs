//! What the operating system has room for.

use std::path::Path;

/// In bytes, for a process without privileges; none where it cannot be told.
#[cfg(unix)]
pub fn free_space(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

/// The longest queue of connections that wait to be accepted, as the kernel grants it; none where it cannot be told.
pub fn listen_backlog_limit() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?.trim().parse().ok()
}
