//! Tests that need neither a socket nor the binary: vendor facts, signatures, readers of files, and dependencies.
#![allow(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot continue panics"
)]

mod catalogue;
mod catalogue_binding;
mod dependencies;
mod fuzz_inputs;
#[path = "../support/parts.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod parts;
mod signature_vectors;
mod simulator_world;
mod trail;
