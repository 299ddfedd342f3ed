//! The embedded ECS: a small world of instances and ENIs that answers signed calls as ECS does.
//!
//! Complete enough to serve as an upstream over a real socket. Must not know: policies, the gateway and its callers.
//! Only `http` reads the wall clock; everything else is passed the time.

mod change_eni;
mod describe_eni;
mod describe_instance;
mod ecs;
mod eni;
mod http;
mod id;
mod instance;
mod invocation;
mod lifecycle;
mod page;
mod pool;
mod raw;
mod rules;
mod shown;
mod world;

pub use ecs::{Reply, Simulator};
pub use http::run;
pub use invocation::SimulatorSettings;
pub use world::World;
