//! A policy document: read once, strictly, with everything that is wrong with it.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, Source};
use crate::document::json;
use crate::document::reader::Reader;
use crate::language::statement::Statement;

/// A RAM policy document of Version `1` (`docs/spec/ram-policy.md` 1). It keeps what it says, not its text.
#[derive(Clone, Debug)]
pub struct Document {
    /// The policy's name, and right behind it the name of the file: one allocation, for there are many documents.
    names: Box<str>,
    name_length: u32,
    body: Arc<Body>,
}

/// What a text says: one for all documents with that text.
#[derive(Debug)]
pub(crate) struct Body {
    statements: Box<[Statement]>,
    digest: Digest,
}

/// The SHA-256 of a document's text, byte for byte: which version of it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Document {
    pub(crate) fn new(name: &str, source: &Source, body: Arc<Body>) -> Self {
        let names = [name, source.name()].concat().into();
        Self { names, name_length: u32::try_from(name.len()).expect("a name is short"), body }
    }

    pub fn name(&self) -> &str {
        &self.names[..self.name_length as usize]
    }

    /// The name of the file it was read from.
    pub fn file(&self) -> &str {
        &self.names[self.name_length as usize..]
    }

    pub fn statements(&self) -> &[Statement] {
        &self.body.statements
    }

    pub fn digest(&self) -> Digest {
        self.body.digest
    }

    /// The same document with another statement in the place of one. Its digest stays that of the text.
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

/// What a text says, or all that is wrong with it: by the grammar that knows places.
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

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest is its own hash.
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
