//! The policy directory that suites are judged in: principals, attributes of resources, and documents.

use std::collections::HashMap;
use std::sync::Arc;

use crate::pdp::{Directory, Inventory, Pdp};
use ram_policy::{Document, Source, StatementRef};

/// A loaded policy directory.
#[derive(Debug)]
pub struct Environment {
    pub(super) pdp: Pdp,
    pub(super) inventory: Inventory,
    pub(super) documents: Vec<TestedDocument>,
    /// For each document, by its address: the number of its first statement, counted over all documents.
    numbers: HashMap<usize, usize>,
}

/// A document, its text, and whether it is attached.
#[derive(Clone, Debug)]
pub struct TestedDocument {
    pub document: Arc<Document>,
    pub source: Source,
    pub attached: bool,
}

/// Identifies a statement by its document's name and its index there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StatementName {
    pub(super) document: String,
    pub(super) index: usize,
}

impl Environment {
    pub fn new(directory: Directory, inventory: Inventory, documents: Vec<TestedDocument>) -> Self {
        let (mut numbers, mut statements) = (HashMap::with_capacity(documents.len()), 0);
        for tested in &documents {
            numbers.insert(Arc::as_ptr(&tested.document) as usize, statements);
            statements += tested.document.statements().len();
        }
        Self { pdp: Pdp::new(Arc::new(directory)), inventory, documents, numbers }
    }

    /// The number of a statement, counted over all documents; `None` for a statement of a session policy.
    pub(super) fn number_of(&self, at: StatementRef<'_>) -> Option<usize> {
        let first = self.numbers.get(&(std::ptr::from_ref(at.document) as usize))?;
        Some(first + at.statement.index())
    }

    /// The number of a document's first statement, counted over all documents.
    pub(super) fn first_statement(&self, document: &Arc<Document>) -> Option<usize> {
        self.numbers.get(&(Arc::as_ptr(document) as usize)).copied()
    }

    /// Looks up a statement written as `NAME#INDEX` or `NAME#Sid`.
    pub(super) fn statement_named(&self, raw: &str) -> Result<StatementName, String> {
        let (document, place) = raw.rsplit_once('#').ok_or("it has no `#`")?;
        let mut named = self.documents.iter().filter(|tested| tested.document.name() == document).peekable();
        if named.peek().is_none() {
            return Err(format!("there is no policy `{document}`"));
        }
        let found = named
            .flat_map(|tested| tested.document.statements())
            .find(|statement| statement.sid() == Some(place) || place.parse() == Ok(statement.index()));
        match found {
            Some(statement) => Ok(StatementName { document: document.to_owned(), index: statement.index() }),
            None => Err(format!("the policy `{document}` has no statement `{place}`")),
        }
    }
}

impl StatementName {
    pub(super) fn of(at: StatementRef<'_>) -> Self {
        Self { document: at.document.name().to_owned(), index: at.statement.index() }
    }
}

impl std::fmt::Display for StatementName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.document, self.index)
    }
}
