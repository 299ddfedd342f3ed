//! The audit log: read, checked and asked, and the log of the real binary when things go wrong: killed, full, taken
//! away, slow to come back.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

#[path = "../support/mod.rs"]
mod support;

mod attested;
mod audit_questions;
mod audit_schema;
mod audit_verify;
mod changed;
mod evidence;
mod full;
mod killed;
mod linked;
mod log;
mod lost;
mod private;
mod replayed;
mod replayed_after_a_kill;
mod rotated;
mod sinks;
mod visible;
mod watched;
