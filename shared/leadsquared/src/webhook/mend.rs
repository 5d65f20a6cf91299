//! JSON that breaks a rule but still has exactly one reading.
//!
//! Websites cut a text in the middle of an emoji, which leaves half of a surrogate pair. Automations put texts of
//! several lines into JSON unescaped. Neither puts any other value in doubt.

/// The replacement for half of a surrogate pair: U+FFFD.
const REPLACEMENT: &str = "\\ufffd";
/// The length of an escape such as `\ud83d`, in bytes.
const UNIT_BYTES: usize = 6;

/// `text` with U+FFFD for each half of a surrogate pair, and with escapes for the control characters inside strings.
/// `None`: it holds neither, so its error is a different one.
pub(super) fn mended(text: &str) -> Option<String> {
    let mut mended = String::with_capacity(text.len() + UNIT_BYTES);
    let (mut is_string, mut is_changed) = (false, false);
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let (length, instead) = match sign {
            '\\' if is_string => escape(rest),
            sign if is_string && sign < ' ' => (1, Some(format!("\\u{:04x}", u32::from(sign)))),
            sign => (sign.len_utf8(), None),
        };
        is_string ^= sign == '"';
        is_changed |= instead.is_some();
        let (taken, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
        mended.push_str(instead.as_deref().unwrap_or(taken));
        rest = left;
    }
    is_changed.then_some(mended)
}

/// The length of the escape at the start of `rest`, in bytes, and its replacement if it is half a pair.
fn escape(rest: &str) -> (usize, Option<String>) {
    let half = || (UNIT_BYTES, Some(REPLACEMENT.to_owned()));
    match unit(rest) {
        Some(0xD800..=0xDBFF) => match rest.get(UNIT_BYTES..).and_then(unit) {
            Some(0xDC00..=0xDFFF) => (2 * UNIT_BYTES, None),
            _ => half(),
        },
        Some(0xDC00..=0xDFFF) => half(),
        _ => (rest.chars().take(2).map(char::len_utf8).sum(), None),
    }
}

/// The UTF-16 unit that an escape stands for.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::mended;

    fn read(text: &str) -> Value {
        serde_json::from_str(&mended(text).unwrap()).unwrap()
    }

    #[test]
    fn half_a_pair_is_a_replacement_sign_wherever_it_stands() {
        for (text, expected) in [
            (r#"["BIA\ud83d"]"#, "BIA\u{fffd}"),
            (r#"["\ud83dBIA"]"#, "\u{fffd}BIA"),
            (r#"["\ude00"]"#, "\u{fffd}"),
            (r#"["\ud83d\ud83d\ude00"]"#, "\u{fffd}😀"),
            (r#"["\ude00\ud83d"]"#, "\u{fffd}\u{fffd}"),
            (r#"["\\\ud83d\\ud83d"]"#, "\\\u{fffd}\\ud83d"),
            ("[\"\\ud83d\n\"]", "\u{fffd}\n"),
        ] {
            assert_eq!(read(text), json!([expected]), "{text}");
        }
    }

    #[test]
    fn control_characters_inside_strings_are_taken() {
        assert_eq!(read("{\n\t\"a\": \"x\ny\t\r\u{1}\u{0}z\"\n}"), json!({"a": "x\ny\t\r\u{1}\u{0}z"}));
    }

    #[test]
    fn what_needs_no_mending_is_left_alone() {
        for text in
            ["", "{\n}", r#"["\ud83d\ude00"]"#, r#"["\"\\ud83d"]"#, r#"{"a":1,}"#, r#"["\u12"#, r#"["\"#, r#"["\u+d8""#]
        {
            assert_eq!(mended(text), None, "{text}");
        }
    }

    proptest! {
        /// Good JSON is never changed, so mending cannot give a good body another reading.
        #[test]
        fn good_json_is_left_alone(texts in prop::collection::vec(".{0,20}", 0..5)) {
            prop_assert_eq!(mended(&json!(texts).to_string()), None);
        }

        /// Any string with raw control characters and halves of pairs becomes good JSON with the rest unchanged.
        #[test]
        fn anything_between_is_kept(before in "[a-zá😀 ]{0,8}", broken in prop::sample::select(vec!["\\ud83d", "\\udfff", "\n", "\u{1f}"]), after in "[a-zá😀 ]{0,8}") {
            let value = read(&format!("[\"{before}{broken}{after}\"]"));
            let text = value[0].as_str().unwrap();
            prop_assert!(text.starts_with(&before) && text.ends_with(&after), "{text}");
            prop_assert_eq!(text.chars().count(), before.chars().count() + 1 + after.chars().count());
        }
    }
}
