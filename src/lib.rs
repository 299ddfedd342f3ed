//! `ramgate`: an authorizing gateway for Alibaba Cloud ECS. It evaluates RAM policies for
//! `AttachNetworkInterface` and its sister calls, explains every verdict, and answers or forwards.
#![forbid(unsafe_code)]
pub mod policy;
pub mod ram;
pub mod source;
