//! Attributes of resources, such as tags and resource groups, that a policy depends on: read from ECS, or from a file.
//!
//! Must not know: which policy needs an attribute, or how the call ends.

mod error;
mod memory;
mod query;
mod source;

pub(crate) use error::{AttributeReadError, AttributesError};
pub(crate) use query::AttributeQuery;
pub(crate) use source::Payer;
pub use source::{ResourceAttributes, UpstreamAttributes};
