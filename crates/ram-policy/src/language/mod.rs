//! The policy language: one statement, and whether it applies to one resource of one call.
//!
//! Must not know: the text that a statement was read from, and other statements.

pub(crate) mod attributes;
pub(crate) mod condition;
pub(crate) mod decimal;
pub(crate) mod effect;
pub(crate) mod error;
pub(crate) mod glob;
pub(crate) mod operator;
pub(crate) mod pattern;
pub(crate) mod statement;
pub(crate) mod value;
