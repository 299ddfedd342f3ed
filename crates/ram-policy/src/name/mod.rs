//! The names that policies and calls use: account, action, ARN, principal.
//!
//! Must not know: documents, conditions, decisions. Every value of these types is well formed, because parsing refuses
//! everything else.

pub(crate) mod account;
pub(crate) mod action;
pub(crate) mod arn;
pub(crate) mod principal;
