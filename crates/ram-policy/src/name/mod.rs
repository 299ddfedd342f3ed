//! The names that policies and calls use: account, action, ARN, principal.
//!
//! Must not know: documents, conditions, decisions. A value of these types is well formed; what could be wrong with it
//! was refused when it was parsed.

pub(crate) mod account;
pub(crate) mod action;
pub(crate) mod arn;
pub(crate) mod principal;
