//! Settings that are fixed and whose features are not there yet: refused by name, never ignored.

use std::ops::Range;

use crate::source::{Complaint, Source};

use super::written::WrittenSettings;

pub(super) fn complaints(source: &Source, written: &WrittenSettings) -> Vec<Complaint> {
    let span = |unbuilt: &super::written::Unbuilt| unbuilt.as_ref().map(toml::Spanned::span);
    let is = |value: &Option<toml::Spanned<String>>, unbuilt: &str| {
        value.as_ref().filter(|value| value.get_ref() == unbuilt).map(toml::Spanned::span)
    };
    let identity = &written.identity;
    let found: [(Option<Range<usize>>, &str, &str); 2] = [
        (span(&written.shadow), "[shadow]", "leave the section out"),
        (is(&identity.nonce_store, "redis"), "identity.nonce_store", "use `file`, one for each replica"),
    ];
    found
        .into_iter()
        .filter_map(|(span, name, help)| Some((span?, name, help)))
        .map(|(span, name, help)| source.error(span, format!("`{name}` is not available in this version"), help))
        .collect()
}
