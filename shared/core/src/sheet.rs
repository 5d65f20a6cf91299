//! Lines of a CSV file as Excel in Brazil opens it: UTF-8 with a mark, semicolons, CRLF.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and a lead can type any name. So an
//! apostrophe goes before such a cell. It also goes before a cell that begins with a tab or a line break, since some
//! programs skip those signs. Blanks before the sign, and the wide forms of the signs, do not help.

use std::borrow::Cow;

/// The first characters of a file: they tell Excel that it is UTF-8.
pub const MARK: &str = "\u{feff}";
/// What separates cells.
const DELIMITER: char = ';';
/// What ends a line.
const END: &str = "\r\n";
/// Signs at the beginning of a cell that make it a formula.
const BEGINS_FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A line of cells, with its end.
#[must_use]
pub fn line<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let mut line = String::new();
    for (place, text) in cells.into_iter().enumerate() {
        if place > 0 {
            line.push(DELIMITER);
        }
        line.push_str(&quoted(&neutral(text)));
    }
    line.push_str(END);
    line
}

/// The text as no spreadsheet takes it for a formula, without characters that no spreadsheet shows.
fn neutral(text: &str) -> Cow<'_, str> {
    let is_hidden = |sign: char| sign.is_control() && !matches!(sign, '\t' | '\r' | '\n');
    let text =
        if text.contains(is_hidden) { Cow::Owned(text.replace(is_hidden, "\u{fffd}")) } else { Cow::Borrowed(text) };
    if text.starts_with(BEGINS_FORMULA) || text.trim_start().starts_with(BEGINS_FORMULA) {
        return Cow::Owned(format!("'{text}"));
    }
    text
}

fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains([DELIMITER, '"', '\r', '\n', '\t']) {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader of such lines, written from RFC 4180 and not from the writer.
    fn cells(line: &str) -> Vec<String> {
        let mut all = vec![String::new()];
        let (mut signs, mut quoted) = (line.strip_suffix("\r\n").unwrap().chars().peekable(), false);
        while let Some(sign) = signs.next() {
            let cell = all.last_mut().unwrap();
            match sign {
                '"' if quoted && signs.peek() == Some(&'"') => cell.push(signs.next().unwrap()),
                '"' => quoted = !quoted,
                ';' if !quoted => all.push(String::new()),
                other => cell.push(other),
            }
        }
        assert!(!quoted, "{line:?}");
        all
    }

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe() {
        for (text, written) in [
            ("Olá", "Olá"),
            ("=1+1", "'=1+1"),
            ("+5511", "'+5511"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1+1", "'  =1+1"),
            ("＝1+1", "'＝1+1"),
            ("\t=1", "\"'\t=1\""),
            ("\rx", "\"'\rx\""),
            ("a=b", "a=b"),
            ("a;b", "\"a;b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("a\u{0}b", "a\u{fffd}b"),
            ("", ""),
        ] {
            assert_eq!(line([text]), format!("{written}\r\n"), "{text:?}");
        }
        assert_eq!(line(["a", "", "b"]), "a;;b\r\n");
    }

    proptest! {
        #[test]
        fn each_cell_is_read_back_and_none_begins_a_formula(texts in prop::collection::vec("[ =+@;\"a\\r\\n\\t-]{0,8}", 1..5)) {
            let read = cells(&line(texts.iter().map(String::as_str)));
            prop_assert_eq!(read.len(), texts.len());
            for (read, text) in read.iter().zip(&texts) {
                let is_the_same = read == text || *read == format!("'{text}");
                prop_assert!(is_the_same, "{:?} became {:?}", text, read);
                prop_assert!(!read.trim_start().starts_with(BEGINS_FORMULA), "{:?}", read);
            }
        }
    }
}
