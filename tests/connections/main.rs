//! Who gets a connection, who gives one up, and what is seen of it, over real sockets.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

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
