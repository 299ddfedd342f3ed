//! Where the parts of a document stand in its text: for whoever says something about a document that loads.

use std::ops::Range;

use jsonc_parser::ast::Value;

use crate::source::Source;

use super::json;

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
}
