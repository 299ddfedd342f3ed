//! Reading many documents: a text that occurs more than once is parsed once.
//!
//! The policies of an account repeat themselves. Many users have the same documents, and most action lists, resources
//! and conditions occur word for word in hundreds of documents. So each piece is looked up by its text, only new texts
//! are parsed, and the documents share the results. This is the fast path, for valid documents. It gives up at the
//! first irregularity and falls back to the strict grammar, which reports every error or finds the document valid
//! after all.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::diagnostic::{Diagnostic, Source};
use crate::document::plain::{self, PlainStatement};
use crate::document::policy_document::{Body, Digest, Document, read};
use crate::language::pattern::{ArnPattern, Heads, parse_action};
use crate::language::statement::{Actions, Conditions, Resources, Statement};
use crate::name::principal::KnownHash;

/// Parsed values by their text. The hash is keyed at random, so that a policy author cannot provoke collisions.
type ByText<T> = HashMap<Box<str>, T, foldhash::fast::RandomState>;

/// Reads documents and shares the parts that they have in common.
///
/// Use one library to read the documents of an account: it parses each list of actions, list of resources and block of
/// conditions once, and saves time and memory where documents repeat each other. It can be dropped once all documents
/// are read.
///
/// ```
/// use ram_policy::{Library, Source};
///
/// let text = r#"{ "Version": "1", "Statement": [
///     { "Effect": "Allow", "Action": "ecs:Describe*", "Resource": "*" } ] }"#;
/// let mut library = Library::default();
/// let first = library.document("first", &Source::new("first.json", text)).unwrap();
/// let second = library.document("second", &Source::new("second.json", text)).unwrap();
/// assert_eq!(first.digest(), second.digest());
/// assert_eq!((second.name(), second.file()), ("second", "second.json"));
/// ```
#[derive(Debug, Default)]
pub struct Library {
    bodies: HashMap<Digest, Arc<Body>, BuildHasherDefault<KnownHash>>,
    actions: ByText<Arc<Actions>>,
    not_actions: ByText<Arc<Actions>>,
    resources: ByText<Arc<Resources>>,
    conditions: ByText<Option<Arc<Conditions>>>,
    heads: Heads,
}

impl Library {
    /// Reads a document. `name` is the name of the policy; every text is accepted.
    ///
    /// # Errors
    /// The diagnostics of [`Document::parse`].
    pub fn document(&mut self, name: &str, source: &Source) -> Result<Document, Vec<Diagnostic>> {
        let digest = Digest::of(source.text());
        if let Some(body) = self.bodies.get(&digest) {
            return Ok(Document::new(name, source, Arc::clone(body)));
        }
        let statements = match self.plain(source.text()) {
            Some(statements) => statements,
            None => read(source)?,
        };
        let body = Arc::new(Body::new(statements, digest));
        self.bodies.insert(digest, Arc::clone(&body));
        Ok(Document::new(name, source, body))
    }

    fn plain(&mut self, text: &str) -> Option<Vec<Statement>> {
        let mut lines = Lines::default();
        let plain = plain::policy(text)?;
        let mut statements = Vec::with_capacity(plain.len());
        for (statement, index) in plain.into_iter().zip(0..) {
            let line = lines.line_of(text, statement.start);
            statements.push(self.statement(statement, index, line)?);
        }
        Some(statements)
    }

    fn statement(&mut self, plain: PlainStatement<'_>, index: u32, line: u32) -> Option<Statement> {
        let actions = match (plain.action, plain.not_action) {
            (Some(list), None) => shared(&mut self.actions, list, |texts| actions(texts).map(Actions::Action)),
            (None, Some(list)) => shared(&mut self.not_actions, list, |texts| actions(texts).map(Actions::NotAction)),
            _ => None,
        }?;
        let heads = &mut self.heads;
        let resources = shared(&mut self.resources, plain.resource, |texts| {
            let patterns = texts.iter().map(|text| ArnPattern::parse(text, heads).ok()).collect::<Option<_>>();
            patterns.map(Resources)
        })?;
        let conditions = match plain.condition {
            None => None,
            Some(block) => self.conditions(block)?,
        };
        Some(Statement { effect: plain.effect, actions, resources, conditions, sid: plain.sid, index, line })
    }

    fn conditions(&mut self, block: &RawValue) -> Option<Option<Arc<Conditions>>> {
        if let Some(known) = self.conditions.get(block.get()) {
            return Some(known.clone());
        }
        let conditions = plain::conditions(block)?;
        let conditions = (!conditions.is_empty()).then(|| Arc::new(Conditions(conditions.into())));
        self.conditions.insert(block.get().into(), conditions.clone());
        Some(conditions)
    }
}

impl Document {
    /// Reads one document by itself. `name` is the name of the policy; every text is accepted.
    ///
    /// To read many documents, use a [`Library`].
    ///
    /// ```
    /// use ram_policy::{Document, Source};
    ///
    /// let text = r#"{ "Version": "1", "Statement": [ { "Effect": "allow", "Action": "ecs:*", "Resource": "*" } ] }"#;
    /// let diagnostics = Document::parse("dev", &Source::new("dev.json", text)).unwrap_err();
    /// assert_eq!(
    ///     diagnostics[0].to_string(),
    ///     "dev.json:1:46: Invalid effect: `allow` at `/Statement/0/Effect` is neither Allow nor Deny; \
    ///      write exactly `\"Allow\"` or `\"Deny\"`"
    /// );
    /// ```
    ///
    /// # Errors
    /// One diagnostic for each error that RAM would report when the policy is saved, and for each ambiguity, such as a
    /// duplicate key; in the order of the text. The list is not empty.
    pub fn parse(name: &str, source: &Source) -> Result<Self, Vec<Diagnostic>> {
        Library::default().document(name, source)
    }
}

/// The parsed form of a list of texts, parsed once for each spelling of the list.
fn shared<T>(
    known: &mut ByText<Arc<T>>,
    list: &RawValue,
    parse: impl FnOnce(&[std::borrow::Cow<'_, str>]) -> Option<T>,
) -> Option<Arc<T>> {
    if let Some(known) = known.get(list.get()) {
        return Some(Arc::clone(known));
    }
    let read = Arc::new(parse(&plain::texts(list)?)?);
    known.insert(list.get().into(), Arc::clone(&read));
    Some(read)
}

fn actions(texts: &[std::borrow::Cow<'_, str>]) -> Option<Box<[crate::language::glob::Glob]>> {
    texts.iter().map(|text| parse_action(text).ok()).collect()
}

/// Counts the lines of a text in a single pass.
struct Lines {
    counted_to: usize,
    line: u32,
}

impl Default for Lines {
    fn default() -> Self {
        Self { counted_to: 0, line: 1 }
    }
}

impl Lines {
    fn line_of(&mut self, text: &str, offset: usize) -> u32 {
        let between = text.as_bytes().get(self.counted_to..offset).unwrap_or_default();
        let newlines = between.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.counted_to = self.counted_to.max(offset);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two statements that use most of the grammar. Removing and inserting pieces turns it into invalid documents of
    /// all kinds.
    const GOOD: &str = "{\"Version\":\"1\",\"Statement\":[\n\
        {\"Sid\":\"One\",\"Effect\":\"Allow\",\"Action\":[\"ecs:*\",\"vpc:Describe*\"],\
        \"Resource\":\"acs:ecs:*:*:eni/*\",\n\
        \"Condition\":{\"Bool\":{\"acs:SecureTransport\":\"true\"},\"StringLike\":{\"acs:X\":[\"a*\",\"b\"]}}},\n\
        {\"Effect\":\"Deny\",\"NotAction\":\"*\",\"Resource\":[\"*\"],\"Condition\":{}}]}";

    const PIECES: [&str; 24] = [
        "",
        ",",
        "\"",
        "[]",
        "{}",
        "null",
        "7",
        "true",
        "\"Effect\":\"Deny\",",
        "\"Sid\":\"One\",",
        "\"Action\":\"*\",",
        "\"Version\":\"1\",",
        "\"Bool\":{\"acs:SecureTransport\":\"true\"},",
        "\"acs:X\":\"a\",",
        "\"Principal\":\"*\",",
        "\"false\",",
        ",\"c\"",
        "\\u0041",
        " ",
        "\n",
        "*",
        "?",
        ":",
        "/* */",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

        /// The fast path accepts no document that the grammar refuses, and gives the same statements.
        #[test]
        fn the_fast_path_agrees_with_the_grammar(
            at in 0..GOOD.len(), torn in 0..12_usize, piece in prop::sample::select(&PIECES[..]),
            again in 0..GOOD.len(), second in prop::sample::select(&PIECES[..]),
        ) {
            let text = format!("{}{piece}{}", &GOOD[..at], &GOOD[(at + torn).min(GOOD.len())..]);
            let again = again.min(text.len());
            let text = format!("{}{second}{}", &text[..again], &text[again..]);
            if let Some(fast) = Library::default().plain(&text) {
                let slow = read(&Source::new("p.json", text.as_str()));
                let slow = slow.unwrap_or_else(|diagnostics| panic!("{text}\n{}", diagnostics[0]));
                prop_assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{}", text);
            }
        }
    }

    #[test]
    fn a_valid_document_takes_the_fast_path() {
        let statements = Library::default().plain(GOOD).unwrap();
        assert_eq!(statements.iter().map(Statement::line).collect::<Vec<_>>(), [2, 4]);
    }
}
