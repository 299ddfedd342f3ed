//! The binary as people and scripts use it: each command, from its arguments to its exit status.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot continue panics")]

#[path = "../support/mod.rs"]
mod support;

mod analysis;
mod command_line;
#[cfg(unix)]
mod core_dumps;
#[cfg(unix)]
mod embedded;
mod lint;
mod recorded;
mod run;
mod secrets;
mod serve_demo;
mod startup;
mod suites;
