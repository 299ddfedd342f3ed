//! How much of a caller's text a line takes.

use std::borrow::Cow;

/// No text of a caller's is written longer.
pub(super) const LONGEST_TEXT: usize = 256;

/// A caller's text, cut at a bound.
pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_TEXT {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
