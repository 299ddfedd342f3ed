//! Checks that the documents agree with the program: the keys and defaults in `docs/configuration.md`, the output in
//! `console` blocks, examples of `ramgate.toml`, and links.
#![allow(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod configuration;
mod console;
mod defaults;
mod keys;
mod links;
mod markdown;
#[path = "../support/parts.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]
mod parts;
mod sources;
