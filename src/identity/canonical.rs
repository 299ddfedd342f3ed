//! The intermediate texts of a signature, each of which can be printed and compared.

use std::fmt;

use crate::ram::Parameter;
use crate::wire::percent_encode;

/// Parameters sorted by name, each `pe(name)=pe(value)`, joined with `&` (`docs/spec/wire-protocol.md` 2.1 and 3.2).
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalQuery(String);

/// The text that is signed.
#[derive(Clone, PartialEq, Eq)]
pub struct StringToSign(pub(super) String);

/// Builds the canonical query of some parameters.
pub fn canonical_query<'a>(parameters: impl Iterator<Item = Parameter<'a>>) -> CanonicalQuery {
    let mut sorted: Vec<Parameter<'a>> = parameters.collect();
    sorted.sort_unstable_by(|a, b| a.name.cmp(b.name));
    let length: usize = sorted.iter().map(|parameter| parameter.name.len() + parameter.value.len() + 10).sum();
    let mut text = String::with_capacity(length);
    for parameter in sorted {
        if !text.is_empty() {
            text.push('&');
        }
        percent_encode(parameter.name, &mut text);
        text.push('=');
        percent_encode(parameter.value, &mut text);
    }
    CanonicalQuery(text)
}

impl CanonicalQuery {
    /// The query as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StringToSign {
    /// The text's bytes, as they are signed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for CanonicalQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows nothing: the text may contain a token.
impl fmt::Debug for CanonicalQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CanonicalQuery(…)")
    }
}

/// Shows nothing: the text may contain a token.
impl fmt::Debug for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StringToSign(…)")
    }
}
