//! Lower-case hexadecimal, the form in which digests are written.

/// Encodes bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Decodes lower-case hexadecimal digits into `into`. `None` if there is any other character, or if the number of
/// digits does not match exactly.
pub fn unhex(text: &[u8], into: &mut [u8]) -> Option<()> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * into.len() {
        return None;
    }
    for (byte, pair) in into.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_back_in_the_one_way_they_are_written() {
        let mut bytes = [0; 3];
        assert_eq!((unhex(hex(&[0, 0x9a, 0xff]).as_bytes(), &mut bytes), bytes), (Some(()), [0, 0x9a, 0xff]));
        for other in ["", "009af", "009aff0", "009aff00", "009aFF", "00 aff", "+09aff"] {
            assert_eq!(unhex(other.as_bytes(), &mut bytes), None, "{other}");
        }
    }
}
