//! Settings for features that this version lacks: they are reported by name, never ignored.

use std::ops::Range;

use ram_policy::{Diagnostic, Source};

use super::raw::RawSettings;

pub(super) fn diagnostics(source: &Source, raw: &RawSettings) -> Vec<Diagnostic> {
    let span = |unsupported: &super::raw::Unsupported| unsupported.as_ref().map(toml::Spanned::span);
    let is = |value: &Option<toml::Spanned<String>>, unsupported: &str| {
        value.as_ref().filter(|value| value.get_ref() == unsupported).map(toml::Spanned::span)
    };
    let identity = &raw.identity;
    let found: [(Option<Range<usize>>, &str, &str); 2] = [
        (span(&raw.shadow), "[shadow]", "remove the section"),
        (
            is(&identity.nonce_store, "redis"),
            "identity.nonce_store",
            "use `file`, with a separate file for each replica",
        ),
    ];
    found
        .into_iter()
        .filter_map(|(span, name, help)| Some((span?, name, help)))
        .map(|(span, name, help)| source.error(span, format!("`{name}` is not available in this version"), help))
        .collect()
}
