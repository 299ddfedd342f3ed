//! Reads the sections of a configuration into settings, and collects all diagnostics.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use ram_policy::{Diagnostic, Source};

/// Shared by all sections; each adds the methods that read it.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    /// The folder that relative paths start from.
    pub(super) folder: &'a Path,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(super) fn url(&mut self, raw: &Spanned<String>) -> String {
        let url = raw.get_ref();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let authority = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest).replace("{region}", "cn-hangzhou"));
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        if !authority.is_some_and(|authority| !authority.is_empty() && authority.bytes().all(character)) {
            let help = "write `https://HOST[:PORT]`, with `{region}` where the region belongs, or `simulator`";
            self.report(raw.span(), &format!("`{url}` is not a valid endpoint URL"), help);
        }
        url.trim_end_matches('/').to_owned()
    }

    pub(super) fn at_least_one(&mut self, raw: Option<Spanned<usize>>, default: usize) -> usize {
        const MOST: usize = 1 << 30;
        let Some(raw) = raw else { return default };
        let value = *raw.get_ref();
        if !(1..=MOST).contains(&value) {
            self.report(raw.span(), &format!("`{value}` is out of range"), "give a number from 1 to 1073741824");
        }
        value
    }

    pub(super) fn host(&mut self, raw: &Spanned<String>) -> String {
        let host = raw.get_ref().to_ascii_lowercase();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        if host.is_empty() || !host.bytes().all(character) {
            let help = "write the name as callers send it, with its port if that is not the default";
            self.report(raw.span(), &format!("`{host}` is not a valid host name"), help);
        }
        host
    }

    pub(super) fn report(&mut self, span: Range<usize>, title: &str, help: &str) {
        self.diagnostics.push(self.source.error(span, title, help));
    }
}
