//! Errors of ECS about the gateway's own key: the caller gets a 503 and the operator a log line, until ECS accepts the
//! key again.

mod elsewhere;
mod net;
mod recovery;
mod refused;
mod setting;
