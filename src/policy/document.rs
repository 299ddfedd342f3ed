//! A policy document: read once, strictly, with everything that is wrong with it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;

use crate::source::{Complaint, Source, hex};

use super::json;
use super::reader::Reader;
use super::statement::Statement;

/// A RAM policy document of Version `1` (`spec/ram-policy.md` 1). It keeps what it says, not its text.
#[derive(Clone, Debug)]
pub struct Document {
    /// The policy's name, and right behind it the name of the file: one allocation, for there are many documents.
    names: Box<str>,
    name_length: u32,
    body: Arc<Body>,
}

/// What a text says: one for all documents with that text.
#[derive(Debug)]
pub(super) struct Body {
    statements: Box<[Statement]>,
    digest: Digest,
}

/// The SHA-256 of a document's text, byte for byte: which version of it was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Document {
    pub(super) fn new(name: &str, source: &Source, body: Arc<Body>) -> Self {
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
    pub(super) fn with(&self, statement: Statement) -> Self {
        let mut statements = self.body.statements.to_vec();
        let place = statement.index();
        statements[place] = statement;
        let body = Body { statements: statements.into(), digest: self.body.digest };
        Self { names: self.names.clone(), name_length: self.name_length, body: Arc::new(body) }
    }
}

impl Body {
    pub(super) fn new(statements: Vec<Statement>, digest: Digest) -> Self {
        Self { statements: statements.into(), digest }
    }
}

/// What a text says, or all that is wrong with it: by the grammar that knows places.
pub(super) fn read(source: &Source) -> Result<Vec<Statement>, Vec<Complaint>> {
    let tree = json::parse(source).map_err(|complaint| vec![complaint])?;
    let mut reader = Reader::new(source);
    let statements = reader.policy(&tree);
    let mut complaints = reader.finish();
    complaints.extend(json::repeated_keys(source, &tree));
    complaints.sort_by_key(|complaint| complaint.span.as_ref().map(|span| span.start));
    if complaints.is_empty() { Ok(statements) } else { Err(complaints) }
}

impl Digest {
    pub(super) fn of(text: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
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
        write!(f, "sha256:{}", hex(&self.0))
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
