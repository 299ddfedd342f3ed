//! `ramgate`: an authorizing gateway for Alibaba Cloud ECS. It evaluates RAM policies for
//! `AttachNetworkInterface` and its sister calls, explains every verdict, and answers or forwards.
#![forbid(unsafe_code)]
pub mod audit;
pub mod catalog;
#[cfg(feature = "gateway")]
pub mod cli;
#[cfg(feature = "identity")]
pub mod config;
pub mod envelope;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "identity")]
pub mod identity;
pub mod pdp;
pub mod policy;
pub mod ram;
#[cfg(feature = "gateway")]
pub mod simulator;
pub mod source;
pub mod store;
pub mod wire;
