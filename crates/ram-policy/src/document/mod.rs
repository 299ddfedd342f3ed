//! Reading: the text of a document becomes statements, or a list of all errors in it with their places.
//!
//! Must not know: requests and decisions.
//!
//! `library` reads many documents: valid ones in one pass by `plain`, all others by `grammar`, which reports every
//! error.

pub(crate) mod grammar;
pub(crate) mod json;
pub(crate) mod library;
pub(crate) mod outline;
pub(crate) mod plain;
pub(crate) mod policy_document;
pub(crate) mod reader;
