//! Where the parts of a document stand in its text: for whoever says something about a document that loads.

use std::ops::Range;

use jsonc_parser::ast::Value;

use crate::diagnostic::Source;
use crate::document::json;
use crate::language::condition::Condition;
use crate::language::statement::Statement;

/// Where a condition's values stand in its document, as a JSON pointer.
pub fn condition_pointer(statement: &Statement, condition: &Condition) -> String {
    let block = json::Pointer::default().key("Statement").index(statement.index()).key("Condition");
    block.key(condition.operator().name()).key(condition.written_key()).into_text()
}

/// Where a statement stands in its document, as a JSON pointer.
pub fn statement_pointer(statement: &Statement) -> String {
    json::Pointer::default().key("Statement").index(statement.index()).into_text()
}

/// The places of one text.
#[derive(Debug)]
pub struct Outline<'s>(Option<Value<'s>>);

impl<'s> Outline<'s> {
    pub fn new(source: &'s Source) -> Self {
        Self(json::parse(source).ok())
    }

    /// Where the value at a JSON pointer (RFC 6901) stands, in bytes; where it is not there, the nearest that holds
    /// its place.
    pub fn span(&self, pointer: &str) -> Range<usize> {
        let Some(tree) = &self.0 else { return 0..0 };
        let mut pointer = pointer;
        loop {
            if let Some(value) = json::find(tree, pointer) {
                return json::span(value);
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return json::span(tree),
            }
        }
    }

    /// Where the name of the member at a JSON pointer stands; where it is not there, see [`Outline::span`].
    pub fn name_span(&self, pointer: &str) -> Range<usize> {
        let named = || {
            let (parent, name) = pointer.rsplit_once('/')?;
            let object = json::find(self.0.as_ref()?, parent)?.as_object()?;
            let name = name.replace("~1", "/").replace("~0", "~");
            object.properties.iter().find(|member| member.name.as_str() == name).map(|member| json::span(&member.name))
        };
        named().unwrap_or_else(|| self.span(pointer))
    }

    /// The string at a JSON pointer; where a list was left out around its only element, that.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        let tree = self.0.as_ref()?;
        let alone = || json::find(tree, pointer.strip_suffix("/0")?);
        let found = json::find(tree, pointer).or_else(alone)?;
        found.as_string_lit().map(|literal| &*literal.value)
    }
}
