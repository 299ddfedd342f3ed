//! Decodes a query and a form body into parameters, exactly once and with unique names, and percent-encodes text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::ram::{Parameters, ParametersBuilder, Place, RepeatedNameError};

use super::error::excerpt;

/// RFC 3986: letters, digits and `-_.~` are kept, every other byte becomes `%XX` in upper case
/// (`docs/spec/wire-protocol.md` 2.1).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Limits on what is decoded.
#[derive(Clone, Copy, Debug)]
pub struct FormLimits {
    /// The maximum number of parameters in query and form together.
    pub parameters: usize,
}

/// Why a query or form is refused. The message is sent to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Two `&` in a row, or one at an end.
    #[error("the {place} contains an empty parameter: it has two `&` in a row, or one at an end")]
    EmptyPiece {
        /// Where the empty parameter was sent.
        place: Place,
    },
    /// A parameter is a name without `=`.
    #[error("the parameter `{piece}` in the {place} has no `=`: write `name=value`")]
    NoEquals {
        /// Where the parameter was sent.
        place: Place,
        /// An excerpt of the parameter.
        piece: String,
    },
    /// A parameter begins with `=`.
    #[error("the {place} contains a parameter without a name")]
    EmptyName {
        /// Where the parameter was sent.
        place: Place,
    },
    /// A `%` is not followed by two hexadecimal digits.
    #[error("the escape at `{piece}` in the {place} is invalid: a `%` must be followed by two hexadecimal digits")]
    BrokenEscape {
        /// Where the parameter was sent.
        place: Place,
        /// An excerpt: the name from the escape on or, if the escape is in the value, the whole name.
        piece: String,
    },
    /// A decoded name or value is not UTF-8.
    #[error("`{piece}` in the {place} is not UTF-8 after decoding")]
    NotUtf8 {
        /// Where the parameter was sent.
        place: Place,
        /// An excerpt of the name, as it was sent.
        piece: String,
    },
    /// A name or value contains a space, a control character or a byte outside ASCII without an escape.
    #[error("`{piece}` in the {place} contains a byte that must be percent-encoded")]
    RawByte {
        /// Where the parameter was sent.
        place: Place,
        /// An excerpt: the name from the byte on or, if the byte is in the value, the whole name.
        piece: String,
    },
    /// A decoded name contains a character other than letters, digits, `.`, `_` and `-`.
    #[error("the parameter name `{name}` contains a character other than letters, digits, `.`, `_` and `-`")]
    Name {
        /// An excerpt of the decoded name.
        name: String,
    },
    /// A name contains `%` or `+`, in a call to be forwarded unchanged.
    #[error(
        "the name `{name}` in the {place} is escaped: this gateway forwards calls unchanged, so send names without \
         escapes"
    )]
    EscapedName {
        /// Where the parameter was sent.
        place: Place,
        /// An excerpt of the name, as it was sent.
        name: String,
    },
    /// A value contains `;` or a character that RFC 3986 does not allow in a query, in a call to be forwarded
    /// unchanged.
    #[error(
        "the value of `{name}` contains `{byte}` unescaped: this gateway forwards calls unchanged, so percent-encode it"
    )]
    Unescaped {
        /// An excerpt of the parameter's name.
        name: String,
        /// The first such character of the value.
        byte: char,
    },
    /// A decoded value contains a character that is invisible or that a parser may drop.
    #[error("the value of `{name}` contains a control, zero-width or byte-order character")]
    Character {
        /// The parameter's name. The value is not shown, because it may be a credential.
        name: String,
    },
    /// Two parameters have the same decoded name.
    #[error(transparent)]
    Repeated(#[from] RepeatedNameError),
    /// Query and form together have too many parameters.
    #[error("more than {limit} parameters")]
    TooMany {
        /// [`FormLimits::parameters`].
        limit: usize,
    },
}

/// Decodes a query and a form body. `+` is a space in both, and `;` is data (`docs/spec/wire-protocol.md` 8, rows 13 to
/// 17).
///
/// # Errors
/// The first malformed parameter in order of arrival; then any name that occurs twice, even with equal values.
pub fn read_parameters(query: &[u8], form: &[u8], limits: FormLimits) -> Result<Parameters, FormError> {
    let mut builder = ParametersBuilder::default();
    for (place, text) in [(Place::Query, query), (Place::Form, form)] {
        if text.is_empty() {
            continue;
        }
        for piece in text.split(|byte| *byte == b'&') {
            if builder.len() == limits.parameters {
                return Err(FormError::TooMany { limit: limits.parameters });
            }
            read_piece(&mut builder, place, piece)?;
        }
    }
    Ok(builder.finish()?)
}

/// Checks that parameters which [`read_parameters`] has accepted are also in the one form in which they may be
/// forwarded unchanged. A rebuilt call hides its caller's spelling from the upstream; a forwarded one does not, so
/// input that some other parser might split or decode differently is refused here. Names must be unescaped. In values,
/// every byte must be a query character of RFC 3986 or an escape, and `;`, once a separator, must be escaped.
///
/// # Errors
/// The first parameter in another form.
pub fn check_plain_form(query: &[u8], form: &[u8]) -> Result<(), FormError> {
    for (place, text) in [(Place::Query, query), (Place::Form, form)] {
        for piece in text.split(|byte| *byte == b'&') {
            let equals = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
            let (name, value) = piece.split_at(equals);
            if name.iter().any(|byte| matches!(byte, b'%' | b'+')) {
                return Err(FormError::EscapedName { place, name: excerpt(name) });
            }
            if let Some(byte) = value.iter().find(|byte| !is_plain(**byte)) {
                return Err(FormError::Unescaped { name: excerpt(name), byte: char::from(*byte) });
            }
        }
    }
    Ok(())
}

/// Appends the encoded form of `text` to `out`.
pub(crate) fn percent_encode(text: &str, out: &mut String) {
    out.extend(utf8_percent_encode(text, &UNRESERVED));
}

/// The encoded form of `text`.
pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    percent_encode(text, &mut out);
    out
}

fn read_piece(builder: &mut ParametersBuilder, place: Place, piece: &[u8]) -> Result<(), FormError> {
    if piece.is_empty() {
        return Err(FormError::EmptyPiece { place });
    }
    let equals = piece
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or_else(|| FormError::NoEquals { place, piece: excerpt(piece) })?;
    let (name, value) = (&piece[..equals], &piece[equals + 1..]);
    if name.is_empty() {
        return Err(FormError::EmptyName { place });
    }
    builder.push_decoded(place, |text| {
        let start = text.len();
        decode(name, place, None, text)?;
        let name_end = text.len();
        check_name(&text[start..])?;
        decode(value, place, Some(name), text)?;
        if text[name_end..].chars().any(is_invisible) {
            return Err(FormError::Character { name: text[start..name_end].to_owned() });
        }
        Ok(name_end)
    })
}

/// Appends the decoded form of `raw`. An error in a value shows only the `name`: the value may be a credential, and
/// error messages are logged.
fn decode(raw: &[u8], place: Place, name: Option<&[u8]>, text: &mut String) -> Result<(), FormError> {
    let shown = |at: usize| excerpt(name.unwrap_or(&raw[at..]));
    if let Some(bad) = raw.iter().position(|byte| !(0x21..=0x7e).contains(byte)) {
        return Err(FormError::RawByte { place, piece: shown(bad) });
    }
    if !raw.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        text.push_str(str::from_utf8(raw).expect("the bytes were found to be ASCII"));
        return Ok(());
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let broken = || FormError::BrokenEscape { place, piece: shown(raw.len() - tail.len() - 1) };
                let [high, low, after @ ..] = tail else { return Err(broken()) };
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(broken()) };
                decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits make a byte"));
                rest = after;
            }
            byte => decoded.push(*byte),
        }
    }
    let decoded = str::from_utf8(&decoded).map_err(|_| FormError::NotUtf8 { place, piece: shown(0) })?;
    text.push_str(decoded);
    Ok(())
}

fn check_name(name: &str) -> Result<(), FormError> {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.bytes().all(character) { Ok(()) } else { Err(FormError::Name { name: excerpt(name) }) }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%+!$&'()*,=:@/?".contains(&byte)
}

/// Characters that are invisible or may be dropped by a parser, so that different values look the same.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FormLimits = FormLimits { parameters: 4 };

    fn read(query: &str) -> Result<Vec<(String, String)>, FormError> {
        let parameters = read_parameters(query.as_bytes(), b"", LIMITS)?;
        Ok(parameters.iter().map(|p| (p.name.to_owned(), p.value.to_owned())).collect())
    }

    #[test]
    fn values_are_decoded_exactly_once() {
        let expected = [("A", "a b+c%41"), ("B", ""), ("C", ";=")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(read("A=a+b%2bc%2541&B=&C=;=").unwrap(), expected);
        assert_eq!(read("%41=%E4%B8%AD").unwrap(), [("A".to_owned(), "中".to_owned())]);
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn malformed_and_ambiguous_queries_are_refused() {
        let bad = [
            "A=1&",
            "&A=1",
            "A=1&&B=2",
            "A",
            "=1",
            "A=%",
            "A=%4",
            "A=%zz",
            "A=%c0%80",
            "A=%ff",
            "A=%00",
            "A=%0a",
            "A=%09",
            "A=%EF%BB%BF1",
            "A=%E2%80%8B",
            "A+=1",
            "A%20=1",
            "%EF%BC%A1=1",
            "A=1&A=1",
            "A=1&%41=2",
            "A=\u{e9}",
            "A=1&B=1&C=1&D=1&E=1",
        ];
        for query in bad {
            assert!(read(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_name_in_query_and_form_is_refused_with_both_places() {
        let error = read_parameters(b"A=1", b"A=1", LIMITS).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the parameter `A` occurs twice, in the query and in the form body: send it once"
        );
    }

    #[test]
    fn names_are_unescaped_and_values_may_be_escaped() {
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
