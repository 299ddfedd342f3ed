//! The gateway as issuer: who gets a key, what the key can do, and how issuer keys roll over.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]
#![allow(unreachable_pub, reason = "what the modules of one test share")]

#[path = "../tokens/made.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod made;
#[path = "../support/mod.rs"]
mod support;

mod assume;
mod credentials;
mod exchange;
mod flood;
mod issuing;
mod nonces;
mod nothing_secret;
mod oidc;
mod replayed;
mod roll_over;
mod seal;
mod token_file;
mod trust;
