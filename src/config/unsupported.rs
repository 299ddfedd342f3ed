//! Settings whose features this version does not have: refused by name, never ignored.

use std::ops::Range;

use ram_policy::{Diagnostic, Source};

use super::raw::RawSettings;

pub(super) fn diagnostics(source: &Source, written: &RawSettings) -> Vec<Diagnostic> {
    let span = |unsupported: &super::raw::Unsupported| unsupported.as_ref().map(toml::Spanned::span);
    let is = |value: &Option<toml::Spanned<String>>, unsupported: &str| {
        value.as_ref().filter(|value| value.get_ref() == unsupported).map(toml::Spanned::span)
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
