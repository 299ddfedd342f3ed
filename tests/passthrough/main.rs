//! Pass-through (`[upstream] signing = "passthrough"`): what is judged goes on as its caller signed it, byte for byte,
//! or not at all.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

#[path = "../support/mod.rs"]
mod support;

mod bytes;
mod callers;
mod door;
mod hosts;
mod hung;
mod received;
mod refused;
mod served;
