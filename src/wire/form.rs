//! From the bytes of a query and of a form body to parameters: decoded exactly once, each name once.

use crate::ram::{Parameters, ParametersBuilder, Place, Repeated};

use super::excerpt::excerpt;

#[derive(Clone, Copy, Debug)]
pub struct FormLimits {
    /// Parameters in query and form together.
    pub parameters: usize,
}

/// Why a query or a form has no single reading. The message goes to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    #[error("the {place} holds an empty piece: two `&` in a row, or one at an end")]
    EmptyPiece { place: Place },
    #[error("the piece `{piece}` of the {place} has no `=`: write `name=value`")]
    NoEquals { place: Place, piece: String },
    #[error("the {place} holds a parameter without a name")]
    EmptyName { place: Place },
    #[error("an escape at `{piece}` in the {place} is broken: a `%` is followed by two hexadecimal digits")]
    BrokenEscape { place: Place, piece: String },
    #[error("`{piece}` in the {place} is not UTF-8 after decoding")]
    NotUtf8 { place: Place, piece: String },
    #[error("`{piece}` in the {place} holds a byte that must be percent-encoded")]
    RawByte { place: Place, piece: String },
    #[error("the parameter name `{name}` holds a character other than letters, digits, `.`, `_` and `-`")]
    Name { name: String },
    #[error("the name `{name}` in the {place} is escaped: calls go on here as they came, so write names as they are")]
    EscapedName { place: Place, name: String },
    #[error("the value of `{name}` holds `{byte}` as it is: calls go on here as they came, so percent-encode it")]
    Unescaped { name: String, byte: char },
    #[error("the value of `{name}` holds a control, zero-width or byte-order character")]
    Character { name: String },
    #[error(transparent)]
    Repeated(#[from] Repeated),
    #[error("more than {limit} parameters")]
    TooMany { limit: usize },
}

/// Reads query and form body together. `+` is a blank in both; `;` is data (`spec/wire-protocol.md` 8, rows 13 to 17).
///
/// # Errors
/// The first fault in order of arrival; then a name that occurs twice, in whatever places and with whatever values.
pub fn read_parameters(query: &[u8], form: &[u8], limits: FormLimits) -> Result<Parameters, FormFault> {
    let mut builder = ParametersBuilder::default();
    for (place, text) in [(Place::Query, query), (Place::Form, form)] {
        if text.is_empty() {
            continue;
        }
        for piece in text.split(|byte| *byte == b'&') {
            if builder.len() == limits.parameters {
                return Err(FormFault::TooMany { limit: limits.parameters });
            }
            read_piece(&mut builder, place, piece)?;
        }
    }
    Ok(builder.finish()?)
}

fn read_piece(builder: &mut ParametersBuilder, place: Place, piece: &[u8]) -> Result<(), FormFault> {
    if piece.is_empty() {
        return Err(FormFault::EmptyPiece { place });
    }
    let equals = piece
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or_else(|| FormFault::NoEquals { place, piece: excerpt(piece) })?;
    let (name, value) = (&piece[..equals], &piece[equals + 1..]);
    if name.is_empty() {
        return Err(FormFault::EmptyName { place });
    }
    builder.push_decoded(place, |text| {
        let start = text.len();
        decode(name, place, None, text)?;
        let name_end = text.len();
        check_name(&text[start..])?;
        decode(value, place, Some(name), text)?;
        if text[name_end..].chars().any(is_invisible) {
            return Err(FormFault::Character { name: text[start..name_end].to_owned() });
        }
        Ok(name_end)
    })
}

/// Appends the decoded form of `raw`. A fault in a value shows the `name` alone: the value may be a credential, and
/// what the caller is told is written down too.
fn decode(raw: &[u8], place: Place, name: Option<&[u8]>, text: &mut String) -> Result<(), FormFault> {
    let shown = |at: usize| excerpt(name.unwrap_or(&raw[at..]));
    if let Some(bad) = raw.iter().position(|byte| !(0x21..=0x7e).contains(byte)) {
        return Err(FormFault::RawByte { place, piece: shown(bad) });
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
                let broken = || FormFault::BrokenEscape { place, piece: shown(raw.len() - tail.len() - 1) };
                let [high, low, after @ ..] = tail else { return Err(broken()) };
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(broken()) };
                decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits make a byte"));
                rest = after;
            }
            byte => decoded.push(*byte),
        }
    }
    let decoded = str::from_utf8(&decoded).map_err(|_| FormFault::NotUtf8 { place, piece: shown(0) })?;
    text.push_str(decoded);
    Ok(())
}

fn check_name(name: &str) -> Result<(), FormFault> {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.bytes().all(character) { Ok(()) } else { Err(FormFault::Name { name: excerpt(name) }) }
}

/// Characters that a reader does not see or may drop: two values that look alike are not one value.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FormLimits = FormLimits { parameters: 4 };

    fn read(query: &str) -> Result<Vec<(String, String)>, FormFault> {
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
    fn what_has_two_readings_has_none() {
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
        let fault = read_parameters(b"A=1", b"A=1", LIMITS).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the parameter `A` occurs twice, in the query and in the form body: send it once"
        );
    }
}
