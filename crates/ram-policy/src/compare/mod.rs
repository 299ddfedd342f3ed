//! Comparing: whether one statement covers another, which statements a request exercises, and mutants of a document.
//!
//! Must not know: files and test suites.

pub(crate) mod cover;
pub(crate) mod exercise;
pub(crate) mod mutant;
