//! `[denial]`: what a denial by policy is answered with.

use toml::Spanned;

use crate::catalog::Catalog;

use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn denial_code(&mut self, written: Option<Spanned<String>>, default: String) -> String {
        let Some(code) = written else { return default };
        if let Err(error) = Catalog::bundled().denial(code.get_ref()) {
            self.complain(code.span(), &error.to_string(), "leave it out for the code that the API documents");
        }
        code.into_inner()
    }

    pub(super) fn link(&mut self, written: &Spanned<String>) -> Option<String> {
        let link = written.get_ref();
        if link.is_empty() {
            return None;
        }
        if !link.starts_with("https://") && !link.starts_with("http://") {
            let help = "write a URL; `{request_id}` and `{code}` are filled in";
            self.complain(written.span(), &format!("`{link}` is no link"), help);
        }
        Some(link.clone())
    }
}
