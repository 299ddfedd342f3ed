//! Connection slots over real sockets: which callers get one, which lose theirs, and what metrics and log show of it.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test that cannot continue should panic")]

#[path = "../support/mod.rs"]
mod support;

mod beside;
mod bursts;
mod crowd;
mod descriptors;
mod floods;
mod lasting;
mod newcomers;
mod pipelined;
mod strangers;
