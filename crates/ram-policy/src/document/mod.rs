//! Reading: the text of a document becomes statements, or every fault in it with its place.
//!
//! Must not know: requests and decisions.
//!
//! `library` reads many documents: good ones in one pass by `plain`, all others by `grammar`, which reports every fault.

pub(crate) mod grammar;
pub(crate) mod json;
pub(crate) mod library;
pub(crate) mod outline;
pub(crate) mod plain;
pub(crate) mod policy_document;
pub(crate) mod reader;
