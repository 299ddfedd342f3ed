//! The gateway over real sockets: requests of callers, calls to ECS, answers, and lines of the log.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test that cannot continue should panic")]

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
