//! The printable stages on the way to a signature.

use std::fmt;

use crate::ram::Parameter;
use crate::wire::percent_encode;

/// Parameters sorted by name, each `pe(name)=pe(value)`, joined with `&` (`spec/wire-protocol.md` 2.1 and 3.2).
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalQuery(String);

/// What is put under the key.
#[derive(Clone, PartialEq, Eq)]
pub struct StringToSign(pub(super) String);

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
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StringToSign {
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

/// It may hold a token.
impl fmt::Debug for CanonicalQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CanonicalQuery(…)")
    }
}

/// It may hold a token.
impl fmt::Debug for StringToSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StringToSign(…)")
    }
}
