//! `ramgate`: an authorizing gateway for Alibaba Cloud ECS. It evaluates RAM policies for
//! `AttachNetworkInterface` and its sister calls, explains every verdict, and answers or forwards.
#![forbid(unsafe_code)]
pub mod catalog;
pub mod envelope;
#[cfg(feature = "identity")]
pub mod identity;
pub mod ram;
#[cfg(feature = "gateway")]
pub mod simulator;
pub mod source;
pub mod wire;
