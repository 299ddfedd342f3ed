//! Reads sections of a configuration into settings, and collects every mistake on the way.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use ram_policy::{Diagnostic, Source};

/// What the sections share while they are read: each adds its own methods.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    /// What relative paths are relative to.
    pub(super) folder: &'a Path,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(super) fn url(&mut self, written: &Spanned<String>) -> String {
        let url = written.get_ref();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let authority = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest).replace("{region}", "cn-hangzhou"));
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        if !authority.is_some_and(|authority| !authority.is_empty() && authority.bytes().all(character)) {
            let help = "write `https://HOST[:PORT]`, with `{region}` where the region belongs, or `simulator`";
            self.complain(written.span(), &format!("`{url}` is no URL of an endpoint"), help);
        }
        url.trim_end_matches('/').to_owned()
    }

    pub(super) fn at_least_one(&mut self, written: Option<Spanned<usize>>, default: usize) -> usize {
        const MOST: usize = 1 << 30;
        let Some(written) = written else { return default };
        let value = *written.get_ref();
        if !(1..=MOST).contains(&value) {
            self.complain(written.span(), &format!("`{value}` is out of range"), "give a number from 1 to 1073741824");
        }
        value
    }

    pub(super) fn host(&mut self, written: &Spanned<String>) -> String {
        let host = written.get_ref().to_ascii_lowercase();
        let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        if host.is_empty() || !host.bytes().all(character) {
            let help = "write the name as callers send it, with its port unless that is the default";
            self.complain(written.span(), &format!("`{host}` is no host name"), help);
        }
        host
    }

    pub(super) fn complain(&mut self, span: Range<usize>, title: &str, help: &str) {
        self.diagnostics.push(self.source.error(span, title, help));
    }
}
