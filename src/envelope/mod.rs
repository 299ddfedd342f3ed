//! The envelope of an ECS answer: which form it takes, and how a value or a refusal is written in it.
//!
//! Shared by the gateway and the embedded ECS, so that both answer alike. Must not know: why something is answered,
//! policies, HTTP libraries, sockets.

mod error_body;
mod format;
mod json;
mod unique_id;
mod xml;

pub use error_body::{AccessDeniedDetail, ErrorBody};
pub use format::{Format, UnknownFormat};
pub use json::{json_lines, json_part, json_text};
pub use unique_id::unique_id;

use serde_json::Value;

/// A successful answer in the form asked for: an object, or an element `<{operation}Response>`.
pub fn success_body(format: Format, operation: &str, value: &Value) -> String {
    match format {
        Format::Json => json_text(value),
        Format::Xml => xml::document(&format!("{operation}Response"), value),
    }
}
