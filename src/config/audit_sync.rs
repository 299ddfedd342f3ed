//! How safe a line of the audit log must be before a call goes on.

/// When a line counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditSync {
    /// On disk.
    Always,
    /// Handed to the operating system.
    None,
}
