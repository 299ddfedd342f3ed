//! Explaining: why a decision was made, as a proof, in words and as data.
//!
//! Must not know: how a decision is made. A proof is worked out independently, statement by statement.

pub(crate) mod deciding;
pub(crate) mod proof;
pub(crate) mod reach;
pub(crate) mod reason;
pub(crate) mod report;
pub(crate) mod words;
