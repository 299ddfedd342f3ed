//! The gateway over real sockets: what callers send, what reaches ECS, what comes back, and what the log says of it.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot go on stops")]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod answers;
mod attempts;
mod credentials;
mod denials;
mod forwarding;
mod instance_role;
mod issuer;
mod origin;
mod other_operations;
mod own_key;
mod passthrough;
mod products;
mod reader_agrees;
mod regions;
mod resource_facts;
mod shapes;
mod simulator;
mod smuggling;
mod tls;
mod tokens;
mod traps;
mod trunk;
