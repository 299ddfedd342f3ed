//! Invisible characters, and texts in which they are escaped.

use std::borrow::Cow;

/// Whether a character has an effect instead of being visible: control characters move the cursor, and direction marks
/// and zero-width characters make a text look like another.
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A text that is safe to print to a terminal: invisible characters, including line feeds and tabs, become `\u{9b}`.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The same for the program's own output: ASCII, including line feeds and colour codes, is kept.
pub fn plain_beyond_ascii(text: &str) -> Cow<'_, str> {
    replaced(text, |character, out| out.extend(character.escape_unicode()))
}

/// A JSON text in which invisible characters are written as `\u009b`. Its meaning does not change: such characters
/// occur only in strings, and serializers have already escaped those below U+007F.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    replaced(json, |character, out| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            out.push_str("\\u");
            out.extend([12, 8, 4, 0].map(|shift| char::from(b"0123456789abcdef"[usize::from(*unit >> shift & 15)])));
        }
    })
}

/// Most texts are ASCII, which is checked a machine word at a time.
fn replaced(text: &str, replace: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let is_replaced = |character: char| character >= '\u{7f}' && is_invisible(character);
    if text.is_ascii() && memchr::memchr(0x7f, text.as_bytes()).is_none() || !text.contains(is_replaced) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if is_replaced(character) {
            replace(character, &mut shown);
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_meaning_when_invisible_characters_are_escaped() {
        let texts: Vec<String> =
            ('\0'..=char::MAX).filter(|c| is_invisible(*c)).map(|c| format!("a{c}é\"\\")).collect();
        for json in [serde_json::to_string(&texts).unwrap(), serde_json::to_string_pretty(&texts).unwrap()] {
            let shown = visible_json(&json);
            assert!(!shown.replace('\n', "").contains(is_invisible));
            assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), texts);
        }
        assert_eq!(visible_json("{\n\"é網\"}"), "{\n\"é網\"}");
        assert_eq!(visible_json("\"\u{9b}\u{e0041}\u{7f}\""), "\"\\u009b\\udb40\\udc41\\u007f\"");
    }

    #[test]
    fn the_programs_own_output_keeps_its_form() {
        assert_eq!(plain_beyond_ascii("\u{1b}[2ma\tb\n"), "\u{1b}[2ma\tb\n");
        assert_eq!(plain_beyond_ascii("a\u{9b}31m\u{202e}\n"), "a\\u{9b}31m\\u{202e}\n");
    }
}
