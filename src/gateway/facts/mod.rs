//! Attributes of resources, such as tags and resource groups, that a policy turns on: read from ECS, or from a file.
//!
//! Must not know: which policy needs an attribute, or what becomes of the call.

mod error;
mod memory;
mod query;
mod source;

pub(crate) use error::{AttributeReadError, AttributesError};
pub(crate) use query::FactQuery;
pub(crate) use source::Payer;
pub use source::{ResourceFacts, UpstreamFacts};
