//! What is known about a call: condition keys and their values, and the keys that may have a value nobody has supplied.
//!
//! Must not know: statements and how they compare.

pub(crate) mod table;
pub(crate) mod unknown_keys;
pub(crate) mod value;
