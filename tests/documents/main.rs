//! The documents, held against the program: `docs/configuration.md` against the keys that the code reads and their
//! defaults, `console` blocks against what the commands print, examples of `ramgate.toml` against the reader, and links
//! against the files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

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
