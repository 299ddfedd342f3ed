//! The gateway's own trouble with ECS is not the caller's: what ECS says of the gateway's key is answered with 503, told
//! to the operator, and over when ECS accepts the key again.

mod elsewhere;
mod net;
mod recovery;
mod refused;
mod setting;
