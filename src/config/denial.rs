//! `[denial]`: how the gateway answers a call that a policy denies.

use toml::Spanned;

use crate::catalog::Catalog;

use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn denial_code(&mut self, raw: Option<Spanned<String>>, default: String) -> String {
        let Some(code) = raw else { return default };
        if let Err(error) = Catalog::bundled().denial(code.get_ref()) {
            self.report(code.span(), &error.to_string(), "remove it to use the code that the API documents");
        }
        code.into_inner()
    }

    pub(super) fn link(&mut self, raw: &Spanned<String>) -> Option<String> {
        let link = raw.get_ref();
        if link.is_empty() {
            return None;
        }
        if !link.starts_with("https://") && !link.starts_with("http://") {
            let help = "write an http or https URL; `{request_id}` and `{code}` are replaced in it";
            self.report(raw.span(), &format!("`{link}` is not a valid link"), help);
        }
        Some(link.clone())
    }
}
