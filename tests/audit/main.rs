//! The audit log: reading, verifying and querying it, and the log of the real binary under failures: a killed process,
//! a full disk, a log file that is removed, a collector that recovers late.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test that cannot continue panics")]

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
