//! The embedded ECS: a small world of instances and ENIs that answers signed calls as ECS does.
//!
//! Enough to be a real upstream, over a real socket. Must not know: policies, who calls the gateway, the gateway
//! itself. The clock is read in `http` and nowhere else here; everything below is told the time.

mod attach;
mod create;
mod describe_eni;
mod describe_instance;
mod ecs;
mod eni;
mod http;
mod id;
mod instance;
mod lifecycle;
mod operation;
mod page;
mod pool;
mod rules;
mod shown;
mod world;
mod written;

pub use ecs::{Reply, Simulator, SimulatorSettings};
pub use http::run;
pub use world::World;
