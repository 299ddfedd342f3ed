//! A policy document: read once, strictly, with everything that is wrong with it.

use aws_lc_rs::digest;

use crate::source::{Complaint, Source, hex};

use super::json;
use super::reader::Reader;
use super::statement::Statement;

/// A RAM policy document of Version `1` (`spec/ram-policy.md` 1).
#[derive(Clone, Debug)]
pub struct Document {
    name: Box<str>,
    source: Source,
    statements: Box<[Statement]>,
    warnings: Box<[Complaint]>,
    digest: Box<str>,
}

impl Document {
    /// Reads an identity policy. The name is the policy's, and is not looked at.
    ///
    /// # Errors
    /// Everything that RAM would refuse when the policy is saved, and whatever could be read in two ways: all of it,
    /// in the order of the text.
    pub fn parse(name: &str, source: Source) -> Result<Self, Vec<Complaint>> {
        let (statements, warnings) = read(&source)?;
        let digest = sha256(source.text());
        Ok(Self { name: name.into(), source, statements: statements.into(), warnings: warnings.into(), digest })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What can be used and should be looked at.
    pub fn warnings(&self) -> &[Complaint] {
        &self.warnings
    }

    /// `sha256:<hex>` of the text, byte for byte: which version of the document it was.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The line on which a statement of this document begins.
    pub fn line(&self, statement: &Statement) -> usize {
        self.source.position(statement.span.start).line
    }
}

fn read(source: &Source) -> Result<(Vec<Statement>, Vec<Complaint>), Vec<Complaint>> {
    let tree = json::parse(source).map_err(|complaint| vec![complaint])?;
    let mut reader = Reader::new(source);
    let statements = reader.policy(&tree);
    let mut complaints = reader.finish();
    complaints.extend(json::repeated_keys(source, &tree));
    complaints.sort_by_key(|complaint| complaint.span.as_ref().map(|span| span.start));
    let (errors, warnings): (Vec<_>, Vec<_>) = complaints.into_iter().partition(Complaint::is_error);
    if errors.is_empty() { Ok((statements, warnings)) } else { Err(errors) }
}

fn sha256(text: &str) -> Box<str> {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    format!("sha256:{}", hex(digest.as_ref())).into()
}
