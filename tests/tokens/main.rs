//! Bearer tokens: what is believed, everything that is not, and how an issuer's keys come and go.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]
#![allow(unreachable_pub, reason = "what the modules of one test share")]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod issuer;
mod keys;
mod made;
mod places;
