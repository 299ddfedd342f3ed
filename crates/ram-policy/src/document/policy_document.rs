//! A policy document: read once and strictly, with all of its errors reported.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, Source};
use crate::document::json;
use crate::document::reader::Reader;
use crate::language::statement::Statement;

/// A RAM policy document of Version `1` (`docs/spec/ram-policy.md` 1), with the name of its policy.
///
/// Made by [`Document::parse`] or [`Library::document`](crate::Library::document). It keeps the statements and not the
/// text. To be evaluated, it is put into a [`PolicySet`](crate::PolicySet).
#[derive(Clone, Debug)]
pub struct Document {
    /// The name of the policy, directly followed by that of the file: one allocation, because there are many documents.
    names: Box<str>,
    name_length: u32,
    body: Arc<Body>,
}

/// The contents of a text, shared by all documents with that text.
#[derive(Debug)]
pub(crate) struct Body {
    statements: Box<[Statement]>,
    digest: Digest,
}

/// The SHA-256 of a document's text, byte for byte. It identifies the version of the document that was read, and is
/// displayed as `sha256:<hex>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Document {
    pub(crate) fn new(name: &str, source: &Source, body: Arc<Body>) -> Self {
        let names = [name, source.name()].concat().into();
        Self { names, name_length: u32::try_from(name.len()).expect("a name is shorter than 4 GiB"), body }
    }

    /// The name of the policy.
    pub fn name(&self) -> &str {
        &self.names[..self.name_length as usize]
    }

    /// The name of the [`Source`] that the document was read from.
    pub fn file(&self) -> &str {
        &self.names[self.name_length as usize..]
    }

    /// The statements, in the order of the text. There is at least one.
    pub fn statements(&self) -> &[Statement] {
        &self.body.statements
    }

    /// The digest of the text that the document was read from.
    pub fn digest(&self) -> Digest {
        self.body.digest
    }

    /// The same document with the statement of the same index replaced. Its digest remains that of the original text.
    pub(crate) fn with(&self, statement: Statement) -> Self {
        let mut statements = self.body.statements.to_vec();
        let place = statement.index();
        statements[place] = statement;
        let body = Body { statements: statements.into(), digest: self.body.digest };
        Self { names: self.names.clone(), name_length: self.name_length, body: Arc::new(body) }
    }
}

impl Body {
    pub(crate) fn new(statements: Vec<Statement>, digest: Digest) -> Self {
        Self { statements: statements.into(), digest }
    }
}

/// The statements of a text, or all of its errors, by the strict grammar.
pub(crate) fn read(source: &Source) -> Result<Vec<Statement>, Vec<Diagnostic>> {
    let tree = json::parse(source).map_err(|diagnostic| vec![diagnostic])?;
    let mut reader = Reader::new(source);
    let statements = reader.policy(&tree);
    let mut diagnostics = reader.finish();
    diagnostics.extend(json::repeated_keys(source, &tree));
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.as_ref().map(|span| span.start));
    if diagnostics.is_empty() { Ok(statements) } else { Err(diagnostics) }
}

impl Digest {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest is uniformly distributed, so a part of it is its hash.
impl std::hash::Hash for Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// `sha256:<hex>`.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
