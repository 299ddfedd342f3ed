//! The maximum length of an audit line, and what is omitted from a line that would exceed it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::policy::{Decision, Request};
use crate::source::is_invisible;

use super::bounded::LONGEST_TEXT;
use super::written_decision::{Extent, written_decision};

/// The longest line about an attempt that was refused, in bytes, with what the chain puts around an event.
pub(super) const LONGEST_REFUSED: usize = 16 << 10;
/// The longest line about one that was permitted.
pub(super) const LONGEST_PERMITTED: usize = 1 << 20;
/// `{"seq":…,"prev":…,"event":…}` and the line feed.
pub(super) const ENVELOPE: usize = 128;
/// For the parameters of a call that was refused, or whose key is merely claimed.
pub(super) const PARAMETER_BYTES: usize = 4 << 10;
/// For the decision.
const REFUSED_DECISION: usize = 6 << 10;
pub(super) const PERMITTED_DECISION: usize = LONGEST_PERMITTED / 3;

/// How many things a line leaves out, because it would be too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cut {
    #[serde(skip_serializing_if = "is_none")]
    pub(super) parameters: usize,
    /// That were judged. Never of a permitted call.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) resources: usize,
    /// Statements that decided; at least so many, since not all of very many are looked up.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) statements: usize,
    /// Condition keys that were judged by. Never of a permitted call.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) conditions: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Cut {
    pub(super) fn is_any(self) -> bool {
        self != Self::default()
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            parameters: self.parameters + other.parameters,
            resources: self.resources + other.resources,
            statements: self.statements + other.statements,
            conditions: self.conditions + other.conditions,
        }
    }
}

/// How many parameters are written, from the first on: as many as fit, when each text is cut at its own bound.
pub(super) fn fitting(parameters: &[(String, String)], bytes: usize) -> usize {
    let mut left = bytes;
    let fits = |(name, value): &&(String, String)| {
        let size = escaped(name) + escaped(value) + r#""":"","#.len();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    parameters.iter().take_while(fits).count()
}

/// How many bytes the start of a text takes in JSON.
fn escaped(text: &str) -> usize {
    let size = |character: char| match character {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\x1f' => 6,
        hidden if is_invisible(hidden) => r"\u0000".len() * hidden.len_utf16(),
        _ => character.len_utf8(),
    };
    text.chars().take(LONGEST_TEXT + 1).map(size).sum()
}

/// The decision of a denied call, short enough for its line.
pub(super) fn denied_decision(request: &Request<'_>, decision: &Decision) -> (Box<RawValue>, Cut) {
    shortest(request, decision, REFUSED_DECISION, &[Extent::Whole, Extent::Decisive(16), Extent::Decisive(1)])
}

/// The decision of a permitted call, with every resource that was judged.
pub(super) fn permitted_decision(request: &Request<'_>, decision: &Decision) -> (Box<RawValue>, Cut) {
    shortest(request, decision, PERMITTED_DECISION, &[Extent::Whole, Extent::AllResources])
}

/// The first extent that is short enough, or the last.
fn shortest(request: &Request<'_>, decision: &Decision, bytes: usize, extents: &[Extent]) -> (Box<RawValue>, Cut) {
    let mut written = written_decision(request, decision, extents[0]);
    for extent in &extents[1..] {
        if written.0.get().len() <= bytes {
            break;
        }
        written = written_decision(request, decision, *extent);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_while_they_fit() {
        let parameters = |value: &str| vec![("P".to_owned(), value.to_owned()); 80];
        assert_eq!(fitting(&parameters("short"), PARAMETER_BYTES), 80);
        // 257 quotation marks, each with a backslash, and the name.
        assert_eq!(fitting(&parameters(&"\"".repeat(4000)), PARAMETER_BYTES), PARAMETER_BYTES / (2 * 257 + 1 + 6));
        assert_eq!(fitting(&parameters(&"\u{1}".repeat(4000)), 100), 0);
        for (hidden, size) in [("\u{9b}", 6), ("\u{202e}", 6), ("\u{e0041}", 12)] {
            assert_eq!(
                fitting(&parameters(&hidden.repeat(4000)), PARAMETER_BYTES),
                PARAMETER_BYTES / (size * 257 + 1 + 6)
            );
        }
    }
}
