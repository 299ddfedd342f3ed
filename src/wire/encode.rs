//! Percent-encoding as both signatures use it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986: letters, digits and `-_.~` stay, everything else becomes `%XX` in upper case (`spec/wire-protocol.md` 2.1).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Appends the encoded form of `text` to `out`.
pub fn percent_encode(text: &str, out: &mut String) {
    out.extend(utf8_percent_encode(text, &UNRESERVED));
}

pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    percent_encode(text, &mut out);
    out
}
