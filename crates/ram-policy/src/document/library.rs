//! Reading many documents: what is written twice is understood once.
//!
//! The policies of an account repeat themselves. Whole documents are the same text for many users, and most action
//! lists, resources and conditions stand word for word in hundreds of documents. So each piece is looked up by its
//! text, and only a text that is new is parsed; the documents then share what it came to. This is the reading for good
//! documents. It gives up at the first thing that is not quite so, and the grammar that knows places has the word: it
//! finds every fault, or nothing wrong after all.

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

/// What was read before, by its text. The hash is keyed at random, for whoever writes policies to spite it.
type ByText<T> = HashMap<Box<str>, T, foldhash::fast::RandomState>;

/// Everything that was understood so far. It can be dropped when all documents are read.
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
    /// Reads a document. The name is the policy's, and is not looked at.
    ///
    /// # Errors
    /// See [`Document::parse`].
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
    /// Reads one document by itself. The name is the policy's, and is not looked at.
    ///
    /// # Errors
    /// Everything that RAM would refuse when the policy is saved, and whatever could be read in two ways: all of it,
    /// in the order of the text.
    pub fn parse(name: &str, source: &Source) -> Result<Self, Vec<Diagnostic>> {
        Library::default().document(name, source)
    }
}

/// What a list of texts comes to, once for each way of writing it.
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

/// Counts lines on the way through a text, once.
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

    /// Two statements that use most of the grammar; what is torn out and put in makes all kinds of faults of it.
    const GOOD: &str = "{\"Version\":\"1\",\"Statement\":[\n\
        {\"Sid\":\"One\",\"Effect\":\"Allow\",\"Action\":[\"ecs:*\",\"vpc:Describe*\"],\"Resource\":\"acs:ecs:*:*:eni/*\",\n\
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

        /// The quick reading takes nothing that the grammar refuses, and understands what it understands.
        #[test]
        fn the_quick_reading_agrees_with_the_grammar(
            at in 0..GOOD.len(), torn in 0..12_usize, piece in prop::sample::select(&PIECES[..]),
            again in 0..GOOD.len(), second in prop::sample::select(&PIECES[..]),
        ) {
            let text = format!("{}{piece}{}", &GOOD[..at], &GOOD[(at + torn).min(GOOD.len())..]);
            let again = again.min(text.len());
            let text = format!("{}{second}{}", &text[..again], &text[again..]);
            if let Some(quick) = Library::default().plain(&text) {
                let slow = read(&Source::new("p.json", text.as_str()));
                let slow = slow.unwrap_or_else(|diagnostics| panic!("{text}\n{}", diagnostics[0]));
                prop_assert_eq!(format!("{quick:?}"), format!("{slow:?}"), "{}", text);
            }
        }
    }

    #[test]
    fn a_good_document_is_read_quickly() {
        let quick = Library::default().plain(GOOD).unwrap();
        assert_eq!(quick.iter().map(Statement::line).collect::<Vec<_>>(), [2, 4]);
    }
}
