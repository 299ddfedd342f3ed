//! The context of a request: condition keys with their values, and the keys whose values are unknown.
//!
//! Must not know: statements and how they compare.

pub(crate) mod table;
pub(crate) mod unknown_keys;
pub(crate) mod value;
