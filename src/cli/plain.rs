//! Makes text that a caller may have chosen safe for a terminal or a spreadsheet.

pub(super) use crate::text::plain;

/// A row of CSV (RFC 4180). A cell that a spreadsheet would treat as a formula gets a leading apostrophe.
pub(super) fn csv_row<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let cells = cells.into_iter().map(|cell| {
        let text = plain(cell.as_ref());
        // A spreadsheet may trim spaces first.
        let formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
        let text = if formula { format!("'{text}") } else { text };
        if text.contains(['"', ',', ';', ' ', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    });
    cells.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\n\u{9b}31m\u{202e}c\u{7f}é"),
            "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{9b}31m\\u{202e}c\\u{7f}é"
        );
    }

    #[test]
    fn cells_are_never_formulas_and_never_end_their_row() {
        let row = csv_row(["=1+1", " @x", "-2", "+3", "a,\"b\"", "x\ny", "\t=1", "plain", ""]);
        assert_eq!(
            row,
            "'=1+1,\"' @x\",'-2,'+3,\"a,\"\"b\"\"\",x\\u{a}y,\\u{9}=1,plain,"
                .replace("'=1+1", "\"'=1+1\"")
                .replace(",'-2,'+3", ",\"'-2\",\"'+3\"")
        );
    }
}
