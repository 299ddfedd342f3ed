//! The process's environment: what a file may leave to it.

/// The value of a variable; one that is not UTF-8 counts as absent.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
