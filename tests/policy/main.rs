//! The engine as the gateway and its suites use it: the worked cases, and random requests compared with the reference
//! evaluator.
#![allow(clippy::unwrap_used)]

mod agreement;
mod cases;
#[path = "../../crates/ram-policy/tests/engine/random.rs"]
pub mod random;
#[path = "../../crates/ram-policy/tests/engine/reference.rs"]
pub mod reference;
