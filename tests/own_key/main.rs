//! The gateway's own trouble with ECS is not the caller's: what ECS says of the gateway's key is answered with 503, told
//! to the operator, and over when ECS accepts the key again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

#[path = "../support/mod.rs"]
mod support;

mod elsewhere;
mod net;
mod recovery;
mod refused;
mod setting;
