//! Errors in a document, under the titles of RAM's own validator.

use std::borrow::Cow;
use std::fmt;

/// The error titles of RAM's policy check, word for word, so that policy authors recognize them
/// (`docs/spec/ram-policy.md` 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Title {
    DataTypeMismatch,
    InvalidActionFormat,
    InvalidArnPrefix,
    InvalidConditionKeyFormat,
    InvalidConditionMultipleBoolean,
    InvalidConditionOperator,
    InvalidEffect,
    InvalidPolicyElement,
    InvalidVersion,
    JsonSyntaxError,
    MissingAction,
    MissingArnField,
}

/// The error about one refused piece of a document: title, reason and remedy.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) title: Title,
    /// The refused text, or the name of a missing element.
    pub(crate) input: String,
    /// The rest of the sentence that begins with the input: `has no service before a colon`.
    pub(crate) why: Cow<'static, str>,
    pub(crate) help: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(
        title: Title,
        input: &str,
        why: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { title, input: input.to_owned(), why: why.into(), help: help.into() }
    }
}

/// A text as messages quote it: in back-ticks, with control characters escaped, truncated to 120 characters.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut quoted = String::from("`");
    for (at, character) in text.chars().enumerate() {
        if at == LONGEST {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}

/// The code point of the first blank character of a text. Blanks look the same on a screen, so messages name the code.
pub(crate) fn blank(text: &str) -> Option<String> {
    let found = text.chars().find(|c| is_blank(*c))?;
    Some(format!("U+{:04X}", u32::from(found)))
}

/// Whether a character is white space, a control character, or a mark of zero width.
pub(crate) fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataTypeMismatch => "Data type mismatch",
            Self::InvalidActionFormat => "Invalid action format",
            Self::InvalidArnPrefix => "Invalid ARN prefix",
            Self::InvalidConditionKeyFormat => "Invalid condition key format",
            Self::InvalidConditionMultipleBoolean => "Invalid condition multiple Boolean",
            Self::InvalidConditionOperator => "Invalid condition operator",
            Self::InvalidEffect => "Invalid effect",
            Self::InvalidPolicyElement => "Invalid policy element",
            Self::InvalidVersion => "Invalid version",
            Self::JsonSyntaxError => "Json syntax error",
            Self::MissingAction => "Missing action",
            Self::MissingArnField => "Missing ARN field",
        })
    }
}
