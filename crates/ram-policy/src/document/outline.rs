//! The places of a document's parts in its text, for diagnostics about a document that has loaded.

use std::ops::Range;

use jsonc_parser::ast::Value;

use crate::diagnostic::Source;
use crate::document::json;
use crate::language::condition::Condition;
use crate::language::statement::Statement;

/// The JSON pointer (RFC 6901) to the values of a condition in its document.
pub fn condition_pointer(statement: &Statement, condition: &Condition) -> String {
    let block = json::Pointer::default().key("Statement").index(statement.index()).key("Condition");
    block.key(condition.operator().name()).key(condition.written_key()).into_text()
}

/// The JSON pointer (RFC 6901) to a statement in its document.
pub fn statement_pointer(statement: &Statement) -> String {
    json::Pointer::default().key("Statement").index(statement.index()).into_text()
}

/// The places of the values in one JSON text.
///
/// A [`Document`](crate::Document) does not keep its text. To point at a part of a document that has loaded, for
/// example in a warning, parse the text again with an outline.
#[derive(Debug)]
pub struct Outline<'s>(Option<Value<'s>>);

impl<'s> Outline<'s> {
    /// The outline of a text. For a text that is not JSON, every span is `0..0`.
    pub fn new(source: &'s Source) -> Self {
        Self(json::parse(source).ok())
    }

    /// The byte range of the value at a JSON pointer (RFC 6901); if there is no such value, that of its nearest
    /// ancestor.
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

    /// The byte range of the name of the member at a JSON pointer; if there is no such member, [`Outline::span`].
    pub fn name_span(&self, pointer: &str) -> Range<usize> {
        let named = || {
            let (parent, name) = pointer.rsplit_once('/')?;
            let object = json::find(self.0.as_ref()?, parent)?.as_object()?;
            let name = name.replace("~1", "/").replace("~0", "~");
            object.properties.iter().find(|member| member.name.as_str() == name).map(|member| json::span(&member.name))
        };
        named().unwrap_or_else(|| self.span(pointer))
    }

    /// The string at a JSON pointer. A pointer to element 0 also finds a lone string that is written without its list.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        let tree = self.0.as_ref()?;
        let alone = || json::find(tree, pointer.strip_suffix("/0")?);
        let found = json::find(tree, pointer).or_else(alone)?;
        found.as_string_lit().map(|literal| &*literal.value)
    }
}
