//! One reading of the bytes of a call, or none.
//!
//! Turns a request head and its parameters into values and refuses whatever two readers could read differently
//! (`spec/wire-protocol.md` 8). Must not know: who calls, what an operation is, policies, sockets, any HTTP library.

mod encode;
mod excerpt;
mod fault;
mod form;
mod framing;
mod head;
mod header_lines;

pub use encode::{percent_encode, percent_encoded};
pub use excerpt::excerpt;
pub use fault::{FaultKind, HeadFault};
pub use form::{FormFault, FormLimits, read_parameters};
pub use framing::{BodyScanner, BrokenChunk, Scanned};
pub use head::{Form, Framing, Head, HeadLimits, Method};
