//! One form for each text, however it was written.
//!
//! A lead's values come from web forms, spreadsheets and other programs. The same name may hold HTML entities, or an
//! accent as a character of its own. Values are compared, counted and printed, so each gets one form where it enters.

use html_escape::decode_html_entities;
use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::Value;

/// How often entities are decoded: a text that passed through two programs has them twice (`&amp;#039;`).
const MOST_DECODINGS: usize = 3;

/// A value's text without HTML entities and in NFC. JSON inside a text, such as a custom field set, stays JSON: then
/// the texts of its members are decoded.
pub(crate) fn normal(text: String) -> String {
    if text.contains('&') {
        let inside = serde_json::from_str(&text).ok().filter(|json: &Value| json.is_object() || json.is_array());
        return match inside {
            Some(mut json) => {
                decode_members(&mut json);
                json.to_string()
            }
            None => composed(decoded(text)),
        };
    }
    composed(text)
}

/// In NFC: a letter and its accent are one character.
fn composed(text: String) -> String {
    if text.is_ascii() { text } else { ComposingNormalizerBorrowed::new_nfc().normalize(&text).into_owned() }
}

fn decoded(mut text: String) -> String {
    for _ in 0..MOST_DECODINGS {
        let decoded = decode_html_entities(&text).into_owned();
        if decoded == text {
            break;
        }
        text = decoded;
    }
    text
}

fn decode_members(json: &mut Value) {
    match json {
        Value::String(text) => *text = normal(std::mem::take(text)),
        Value::Array(list) => list.iter_mut().for_each(decode_members),
        Value::Object(object) => object.values_mut().for_each(decode_members),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::normal;

    #[test]
    fn entities_are_decoded_and_accents_composed() {
        for (written, expected) in [
            ("D&#039;ÁVILA", "D'ÁVILA"),
            ("D&#x27;&Aacute;VILA", "D'ÁVILA"),
            ("D&amp;#039;A\u{301}vila", "D'Ávila"),
            ("Silva &amp; Filhos", "Silva & Filhos"),
            ("AT&T", "AT&T"),
            ("a & b; c", "a & b; c"),
            ("https://loja.example/?a=1&copy=2", "https://loja.example/?a=1&copy=2"),
            ("Jose\u{301} Conceic\u{327}a\u{303}o", "José Conceição"),
            ("", ""),
            ("&", "&"),
        ] {
            assert_eq!(normal(written.to_owned()), expected, "{written}");
        }
    }

    #[test]
    fn json_inside_a_text_stays_json() {
        let set = r#"{"mx_CustomObject_1":"say &quot;oi&quot;","mx_CustomObject_2":["D&#039;Ávila"]}"#;
        assert_eq!(normal(set.to_owned()), r#"{"mx_CustomObject_1":"say \"oi\"","mx_CustomObject_2":["D'Ávila"]}"#);
        let plain = r#"{"mx_CustomObject_1": "104", "mx_CustomObject_3": ""}"#;
        assert_eq!(normal(plain.to_owned()), plain, "nothing to decode, nothing to change");
    }

    proptest! {
        #[test]
        fn a_normal_text_is_its_own_normal_form(text in "[a-z\u{300}-\u{303}áç ]{0,20}(&#039;|&amp;)?[a-z\u{300}-\u{303}áç ]{0,20}") {
            let once = normal(text);
            prop_assert_eq!(normal(once.clone()), once);
        }
    }
}
