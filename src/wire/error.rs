//! Why a request head is refused, and how messages quote input.

use std::fmt::Write;

const LONGEST: usize = 48;

/// A refused head. The message is sent to the caller and logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HeadError {
    pub(crate) kind: HeadErrorKind,
    pub(crate) message: String,
}

/// What is wrong with a head; decides the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadErrorKind {
    /// Malformed or ambiguous.
    Reading,
    /// A method other than GET and POST.
    Method,
    /// The head has too many bytes or header lines.
    HeadTooLarge,
    /// The query has too many bytes.
    QueryTooLarge,
    /// The announced body has too many bytes.
    BodyTooLarge,
    /// The head did not arrive in time.
    Slow,
}

impl HeadError {
    /// An error of this kind.
    pub(crate) fn new(kind: HeadErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn reading(message: impl Into<String>) -> Self {
        Self::new(HeadErrorKind::Reading, message)
    }
}

/// A short, printable excerpt of what a caller sent: cut after about 48 characters, with non-printable and non-ASCII
/// bytes escaped and back-ticks replaced.
pub(crate) fn excerpt(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut text = String::with_capacity(bytes.len().min(LONGEST) + 8);
    for byte in bytes {
        if text.len() >= LONGEST {
            text.push_str("...");
            break;
        }
        match byte {
            b'`' => text.push('\''),
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => write!(text, "\\x{byte:02x}").expect("writing to a string"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt(b"a\r\n`\xff"), "a\\x0d\\x0a'\\xff");
        assert!(excerpt([b'x'; 5000]).len() <= LONGEST + 3);
    }
}
