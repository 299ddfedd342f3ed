//! The one way in which parameters may stand on the wire where they are sent on as they came.
//!
//! A rebuilt call shows nobody its caller's spelling. One that is passed on does, so what some reader might split or
//! decode otherwise is refused, although it has one reading here (design 8).

use crate::ram::Place;

use super::excerpt::excerpt;
use super::form::FormFault;

/// Checks what [`read_parameters`](super::read_parameters) has read. Names stand as they are; in values every byte is
/// a character of a query by RFC 3986 or an escape, and `;`, which was a separator once, is escaped.
///
/// # Errors
/// The first piece that is written otherwise.
pub fn check_plain_form(query: &[u8], form: &[u8]) -> Result<(), FormFault> {
    for (place, text) in [(Place::Query, query), (Place::Form, form)] {
        for piece in text.split(|byte| *byte == b'&') {
            let equals = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
            let (name, value) = piece.split_at(equals);
            if name.iter().any(|byte| matches!(byte, b'%' | b'+')) {
                return Err(FormFault::EscapedName { place, name: excerpt(name) });
            }
            if let Some(byte) = value.iter().find(|byte| !is_plain(**byte)) {
                return Err(FormFault::Unescaped { name: excerpt(name), byte: char::from(*byte) });
            }
        }
    }
    Ok(())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%+!$&'()*,=:@/?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_plainly_and_values_may_be_escaped() {
        let good = ["", "A=1", "A=&B.1=x%20y+z%3b", "Timestamp=2024-01-01T00:00:00Z&Signature=a/b=", "on=a(b)!*'"];
        for text in good {
            assert_eq!(check_plain_form(text.as_bytes(), b""), Ok(()), "{text}");
            assert_eq!(check_plain_form(b"A=1", text.as_bytes()), Ok(()), "{text}");
        }
        let bad =
            ["%41=1", "A=1&Inst%61nce=2", "A+=1", "A=1;B=2", "A=\"1\"", "A=<1>", "A=[1]", "A=a|b", "A=`", "A=a\\b"];
        for text in bad {
            assert!(check_plain_form(text.as_bytes(), b"").is_err(), "{text}");
            assert!(check_plain_form(b"", text.as_bytes()).is_err(), "{text}");
        }
    }
}
