//! The fuzz targets and their properties: one function for each target, which must be total for any bytes.
//!
//! The fuzzer calls them on generated inputs (`fuzz_targets/`); the ordinary test `tests/core/fuzz_inputs.rs`
//! calls them on the committed seeds and past crashes. A target panics if, and only if, a property is violated.
#![forbid(unsafe_code)]
#![allow(unreachable_pub, reason = "a crate here, a module in the tests")]
#![allow(clippy::unwrap_used, reason = "a property that cannot be checked is broken")]

mod call;
mod certificate;
mod json;
mod log;
mod policy;
mod token;
mod wire;

/// A property of any bytes at all.
pub type Target = fn(&[u8]);

/// Every target by the name of its folder under `seeds/`.
pub const TARGETS: [(&str, Target); 15] = [
    ("head", wire::head),
    ("body", wire::body),
    ("form", wire::form),
    ("rebuilt", call::rebuilt),
    ("proxy_header", wire::proxy_header),
    ("forwarded", wire::forwarded),
    ("authorization", call::authorization),
    ("certificate_subject", certificate::certificate_subject),
    ("jwt", token::jwt),
    ("key_set", token::key_set),
    ("sealed_token", token::sealed_token),
    ("caller_identity", token::caller_identity),
    ("policy_document", policy::document),
    ("policy_index", policy::index),
    ("audit_log", log::audit_log),
];

/// Runs one target. The name must be one of [`TARGETS`].
#[allow(dead_code, reason = "for the binaries; the tests walk the table")]
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of the table");
    target(data);
}
