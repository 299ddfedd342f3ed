//! The format of ECS answers: JSON or XML, for values and errors.
//!
//! Shared by the gateway and the embedded ECS, so that their answers have the same form. Must not know: the reason for
//! an answer, policies, HTTP libraries, sockets.

mod encode;
mod error_body;
mod format;
mod unique_id;

pub(crate) use encode::{json_lines, json_part, json_text};
pub(crate) use error_body::{AccessDeniedDetail, ErrorBody};
pub use format::Format;
pub(crate) use format::FormatError;
pub use unique_id::unique_id;

use serde_json::Value;

use encode::xml_document;

/// The header that names a call's request id.
pub(crate) const REQUEST_ID: &str = "x-acs-request-id";

/// The body of a successful answer: a JSON object, or the XML element `<{operation}Response>`.
pub(crate) fn success_body(format: Format, operation: &str, value: &Value) -> String {
    match format {
        Format::Json => json_text(value),
        Format::Xml => xml_document(&format!("{operation}Response"), value),
    }
}
