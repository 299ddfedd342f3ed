//! Comparing: whether one statement covers another, what a request exercises, and what a changed document would change.
//!
//! Must not know: files and test suites.

pub(crate) mod cover;
pub(crate) mod exercise;
pub(crate) mod mutant;
