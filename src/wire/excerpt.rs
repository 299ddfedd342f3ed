//! A short, printable piece of what a caller sent, for messages and logs.

use std::fmt::Write;

const LONGEST: usize = 48;

/// At most 48 characters; what is not printable ASCII is escaped, a back-tick too.
pub fn excerpt(bytes: impl AsRef<[u8]>) -> String {
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
