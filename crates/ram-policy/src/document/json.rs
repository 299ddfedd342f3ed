//! Strict JSON, as RAM reads it, with the place of every value.

use std::ops::Range;

use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

use crate::diagnostic::{Diagnostic, Source};
use crate::language::error::{Title, quoted};

/// A JSON pointer (RFC 6901), extended step by step while a tree is walked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pointer(String);

/// Reads a text as one JSON value.
///
/// `serde_json` is the gate: every text that it refuses is refused, at the place that it reports. The tree comes from a
/// second parser, which is slightly more lenient, but records byte ranges and keeps both of two equal keys.
pub(crate) fn parse(source: &Source) -> Result<Value<'_>, Diagnostic> {
    let text = source.text();
    if text.starts_with('\u{feff}') {
        return Err(syntax_error(source, 0..'\u{feff}'.len_utf8(), "the text begins with a byte order mark"));
    }
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        let at = error_offset(text, &error);
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
        return Err(syntax_error(source, at..end_of_character(text, at), message));
    }
    let value = match parse_to_ast(text, &COLLECT, &STRICT) {
        Ok(result) => result.value,
        Err(error) => return Err(syntax_error(source, span(&error.range()), &error.kind().to_string())),
    };
    value.ok_or_else(|| syntax_error(source, 0..0, "the text is empty"))
}

/// A diagnostic for every duplicate key in an object. JSON readers differ in which of the two they keep, and losing a
/// Condition would allow too much.
pub(crate) fn repeated_keys(source: &Source, tree: &Value<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    find_repeated(source, tree, &Pointer::default(), &mut found);
    found
}

/// The value at a JSON pointer, if there is one.
pub(crate) fn find<'t>(tree: &'t Value<'t>, pointer: &str) -> Option<&'t Value<'t>> {
    pointer.split('/').skip(1).try_fold(tree, |value, step| match value {
        Value::Object(object) => {
            let key = step.replace("~1", "/").replace("~0", "~");
            object.properties.iter().find(|member| member.name.as_str() == key).map(|member| &member.value)
        }
        Value::Array(array) => array.elements.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

pub(crate) fn span(place: &impl Ranged) -> Range<usize> {
    place.start()..place.end()
}

impl Pointer {
    pub(crate) fn key(&self, key: &str) -> Self {
        Self(format!("{}/{}", self.0, key.replace('~', "~0").replace('/', "~1")))
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    /// ` at <pointer>`, for the middle of a sentence; empty for the whole document, whose pointer is the empty text.
    pub(crate) fn place(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!(" at {}", quoted(&self.0)) }
    }
}

const COLLECT: CollectOptions = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };

/// Every field is listed, so that an option that a new version adds does not compile until it is refused here.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn find_repeated(source: &Source, value: &Value<'_>, pointer: &Pointer, found: &mut Vec<Diagnostic>) {
    match value {
        Value::Object(object) => {
            for (index, member) in object.properties.iter().enumerate() {
                let key = member.name.as_str();
                let first = object.properties[..index].iter().find(|earlier| earlier.name.as_str() == key);
                found.extend(first.map(|first| repeated_key(source, member, first, pointer)));
                find_repeated(source, &member.value, &pointer.key(key), found);
            }
        }
        Value::Array(array) => {
            for (index, element) in array.elements.iter().enumerate() {
                find_repeated(source, element, &pointer.index(index), found);
            }
        }
        Value::StringLit(_) | Value::NumberLit(_) | Value::BooleanLit(_) | Value::NullKeyword(_) => {}
    }
}

fn repeated_key(source: &Source, member: &ObjectProp<'_>, first: &ObjectProp<'_>, pointer: &Pointer) -> Diagnostic {
    let (key, at) = (quoted(member.name.as_str()), source.position(first.name.start()));
    let title =
        format!("{}: {key}{} occurs twice in one object, first at {at}", Title::JsonSyntaxError, pointer.place());
    source.error(span(&member.name), title, "keep one of the two, or merge their values")
}

fn syntax_error(source: &Source, span: Range<usize>, message: &str) -> Diagnostic {
    let rest = source.text().get(span.start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let place = if rest.is_empty() { String::new() } else { format!(" before {}", quoted(rest)) };
    let help = "write RFC 7159 JSON in UTF-8: no comments, no trailing commas, no byte order mark";
    source.error(span, format!("{}: {message}{place}", Title::JsonSyntaxError), help)
}

/// The byte offset of an error of the gate, which reports the last byte it read: lines from 1, columns in bytes.
fn error_offset(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut at = (before + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn end_of_character(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(at, |character| at + character.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: &Value<'_>) -> serde_json::Value {
        match value {
            Value::StringLit(text) => text.value.as_ref().into(),
            Value::NumberLit(number) => number.value.parse::<serde_json::Number>().unwrap().into(),
            Value::BooleanLit(boolean) => boolean.value.into(),
            Value::NullKeyword(_) => serde_json::Value::Null,
            Value::Array(array) => array.elements.iter().map(plain).collect(),
            Value::Object(object) => {
                object.properties.iter().map(|p| (p.name.as_str().to_owned(), plain(&p.value))).collect()
            }
        }
    }

    #[test]
    fn both_parsers_read_the_same_values() {
        let text =
            r#" { "a\u00e9\ud83d\ude00\/\\\"\b\n": [1, -2.5e3, "é\u0000", true, false, null, {}, []], "": "" } "#;
        let source = Source::new("f", text);
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(plain(&parse(&source).unwrap()), expected);
    }
}
