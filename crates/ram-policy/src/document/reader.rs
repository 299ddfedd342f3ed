//! JSON types with their places: what the reader of any policy grammar needs.

use std::ops::Range;

use jsonc_parser::ast::{Array, Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;

use crate::diagnostic::{Diagnostic, Source};
use crate::document::json::{Pointer, span};
use crate::language::error::{Refusal, Title, quoted};

/// Continues after an error, so that one reading finds them all. Its results are used only if there were no errors.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    source: &'s Source,
    diagnostics: Vec<Diagnostic>,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Place<'t> {
    pub(crate) value: &'t Value<'t>,
    pub(crate) pointer: Pointer,
}

/// A string of the document and its place.
#[derive(Clone, Debug)]
pub(crate) struct Text<'t> {
    pub(crate) text: &'t str,
    pub(crate) span: Range<usize>,
    pub(crate) pointer: Pointer,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self { source, diagnostics: Vec::new() }
    }

    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The parsed value of a string; if parsing failed, adds a diagnostic.
    pub(crate) fn accept<T>(&mut self, text: &Text<'_>, parsed: Result<T, Refusal>) -> Option<T> {
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(refusal) => {
                self.refuse(text.span.clone(), &text.pointer, &refusal);
                None
            }
        }
    }

    pub(crate) fn object<'t>(&mut self, place: &Place<'t>, help: &'static str) -> Option<&'t Object<'t>> {
        let object = place.value.as_object();
        if object.is_none() {
            self.refuse_place(place, Title::DataTypeMismatch, "is not an object", help);
        }
        object
    }

    pub(crate) fn array<'t>(&mut self, place: &Place<'t>, help: &'static str) -> Option<&'t Array<'t>> {
        let array = place.value.as_array();
        if array.is_none() {
            self.refuse_place(place, Title::DataTypeMismatch, "is not a list", help);
        }
        array
    }

    /// The members of an object; for any other value, adds a diagnostic and returns no members.
    pub(crate) fn members<'t>(&mut self, place: &Place<'t>, help: &'static str) -> Vec<(Text<'t>, Place<'t>)> {
        let properties = self.object(place, help).map_or(&[][..], |object| &object.properties);
        let member = |property: &'t ObjectProp<'t>| {
            let text = property.name.as_str();
            let pointer = place.pointer.key(text);
            let key = Text { text, span: span(&property.name), pointer: pointer.clone() };
            (key, Place { value: &property.value, pointer })
        };
        properties.iter().map(member).collect()
    }

    /// A string, or a list of strings that is not empty.
    pub(crate) fn texts<'t>(&mut self, place: &Place<'t>, empty: Title, help: &'static str) -> Option<Vec<Text<'t>>> {
        let Some(array) = place.value.as_array() else { return self.text(place).map(|text| vec![text]) };
        if array.elements.is_empty() {
            self.refuse_empty(place, empty, help);
            return None;
        }
        let elements = array.elements.iter().enumerate();
        Some(
            elements
                .filter_map(|(index, value)| self.text(&Place { value, pointer: place.pointer.index(index) }))
                .collect(),
        )
    }

    pub(crate) fn text<'t>(&mut self, place: &Place<'t>) -> Option<Text<'t>> {
        let text = string(place.value);
        if text.is_none() {
            self.refuse_place(
                place,
                Title::DataTypeMismatch,
                "is not a string",
                "write it as a string, in double quotes",
            );
        }
        Some(Text { text: text?, span: span(place.value), pointer: place.pointer.clone() })
    }

    pub(crate) fn refuse_others(&mut self, object: &Object<'_>, pointer: &Pointer, known: &[&str], help: &'static str) {
        for property in &object.properties {
            let name = property.name.as_str();
            if !known.contains(&name) {
                let refusal = Refusal::new(Title::InvalidPolicyElement, name, "is not allowed here", help);
                self.refuse(span(&property.name), &pointer.key(name), &refusal);
            }
        }
    }

    pub(crate) fn missing(&mut self, place: &Place<'_>, title: Title, element: &'static str, help: &'static str) {
        let brace = place.value.start()..place.value.start() + 1;
        self.refuse(brace, &place.pointer, &Refusal::new(title, element, "is missing", help));
    }

    pub(crate) fn refuse_empty(&mut self, place: &Place<'_>, title: Title, help: &'static str) {
        self.refuse_place(place, title, "is an empty list", help);
    }

    pub(crate) fn refuse_place(&mut self, place: &Place<'_>, title: Title, why: &'static str, help: &'static str) {
        let span = span(place.value);
        let raw = string(place.value).unwrap_or(&self.source.text()[span.clone()]);
        self.refuse(span, &place.pointer, &Refusal::new(title, raw, why, help));
    }

    pub(crate) fn refuse(&mut self, span: Range<usize>, pointer: &Pointer, refusal: &Refusal) {
        let Refusal { title, input, why, help } = refusal;
        let title = format!("{title}: {}{} {why}", quoted(input), pointer.place());
        self.diagnostics.push(self.source.error(span, title, help.clone()));
    }

    /// The line on which a value begins.
    pub(crate) fn line(&self, place: &Place<'_>) -> u32 {
        u32::try_from(self.source.position(place.value.start()).line).unwrap_or(u32::MAX)
    }
}

pub(crate) fn member<'t>(object: &'t Object<'t>, place: &Place<'_>, name: &str) -> Option<Place<'t>> {
    let property = object.properties.iter().find(|property| property.name.as_str() == name)?;
    Some(Place { value: &property.value, pointer: place.pointer.key(name) })
}

pub(crate) fn string<'t>(value: &'t Value<'t>) -> Option<&'t str> {
    value.as_string_lit().map(|literal| literal.value.as_ref())
}
