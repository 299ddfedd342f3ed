//! The process's environment, which secrets may come from.

/// The value of a variable; a value that is not UTF-8 counts as absent.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
